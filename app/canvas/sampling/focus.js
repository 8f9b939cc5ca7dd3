// The point in the readout: a ring around it, and the four cells its value is blended from.
import { cellBox } from "../kit/cells.js";
import { applyAffine } from "../kit/frames.js";
import { stageRect } from "../kit/marks.js";
import { cornerCells } from "./bilinear.js";
import { sampleOf } from "./samples.js";

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
  const [height, width] = layer.levels[sample.level];
  const [x, y] = applyAffine(layer.header.to_levels[sample.level], sample.x, sample.y);
  return cornerCells(x, y, height, width)
    .filter((cell) => cell.inside)
    .map(({ row, column, share }) => ({
      ...stageRect(scene, cellBox(layer, sample.level, row, column)),
      of: { ...sampleOf(sample), row, column, share },
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
      kind: "marker",
      shape: "circle",
      of: sampleOf(sample),
      x: sample.stageX,
      y: sample.stageY,
      size: sample.radius + 5,
      stroke: "#ffffff",
      lineWidth: 2,
      halo: "#000000",
    },
  ];
}
