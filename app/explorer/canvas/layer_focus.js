// The point in the readout: a ring around it, and the four cells its value is blended from.
import { cornerCells } from "./bilinear.js";
import { applyAffine } from "./frames.js";
import { stageRect } from "./layer_field.js";
import { cellBox } from "./queries.js";

export function sameSample(one, other) {
  return one.head === other.head && one.level === other.level && one.point === other.point;
}

function focused(scene) {
  return scene.focus && scene.placed.find((sample) => sameSample(sample, scene.focus));
}

/** Cells by their bilinear share, drawn below the points. */
export function focusCellMarks(scene) {
  const sample = focused(scene);
  if (!sample) return [];
  const { layer } = scene;
  const at = applyAffine(layer.header.to_levels[sample.level], sample.x, sample.y);
  return cornerCells(...at, ...layer.levels[sample.level])
    .filter((cell) => cell.inside)
    .map(({ row, column, share }) => ({
      ...stageRect(scene, cellBox(layer, sample.level, row, column)),
      stroke: "#ffffff",
      lineWidth: 1,
      fill: "#ffffff",
      fillAlpha: 0.5 * share,
      halo: "#00000088",
    }));
}

/** The ring, drawn above everything. */
export function focusRingMarks(scene) {
  const sample = focused(scene);
  if (!sample) return [];
  return [
    {
      type: "circle",
      x: sample.stageX,
      y: sample.stageY,
      radius: sample.radius + 5,
      stroke: "#ffffff",
      lineWidth: 2,
      halo: "#000000",
    },
  ];
}
