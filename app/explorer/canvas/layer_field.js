// Middle layer: amounts over the whole map. Sampling mass, or who reads a place.
import { applyAffine, normalisedBox } from "./frames.js";
import { amountColour } from "./glyphs.js";
import { cellBox, cellOfQuery } from "./queries.js";

const MASS_QUANTILE = 0.995; // the scale ends here, so that one hot cell does not darken the rest
const MASS_ALPHA = 0.82;
const LINES_DRAWN = 12;
const CELLS_DRAWN = 1500;

/** Where the colour scale of a mass grid ends. */
export function massCeiling(grid) {
  const sorted = Float64Array.from(grid).sort();
  return sorted[Math.floor((sorted.length - 1) * MASS_QUANTILE)] || sorted.at(-1) || 1;
}

/** A mass grid as an image of one pixel per cell. */
export function massImage(mass, [height, width], table) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  const last = table.length / 3 - 1;
  for (let cell = 0; cell < mass.grid.length; cell++) {
    const step = 3 * Math.round(Math.min(1, mass.grid[cell] / mass.ceiling) * last);
    pixels.data.set([table[step], table[step + 1], table[step + 2], 255], 4 * cell);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

export function massMarks(scene) {
  if (!scene.view.mass || !scene.mass) return [];
  const image = { type: "image", image: scene.mass.image, smooth: false, alpha: MASS_ALPHA };
  return [{ ...stageRect(scene, [0, 0, 1, 1]), ...image }];
}

/** Corners of a normalised box as a rect of the stage. */
export function stageRect(scene, [x0, y0, x1, y1]) {
  const [left, top] = applyAffine(scene.toStage, x0, y0);
  const [right, bottom] = applyAffine(scene.toStage, x1, y1);
  return { type: "rect", x: left, y: top, width: right - left, height: bottom - top };
}

/** Queries that read the looked-up cell: their cells or boxes by amount, lines from the first. */
export function lookupMarks(scene) {
  const { layer, lookup } = scene;
  if (!scene.view.reverse || !lookup) return [];
  const most = lookup.ranked[0]?.amount ?? 1;
  const marks = [];
  for (const { query, amount } of lookup.ranked.slice(0, CELLS_DRAWN).reverse()) {
    marks.push(readerMark(scene, query, amount / most));
  }
  const target = cellBox(layer, lookup.level, lookup.row, lookup.column);
  const centre = applyAffine(
    scene.toStage,
    (target[0] + target[2]) / 2,
    (target[1] + target[3]) / 2,
  );
  lookup.ranked.slice(0, LINES_DRAWN).forEach(({ query, amount }) => {
    const { x, y } = layer.reference(query, lookup.level);
    marks.push({
      type: "line",
      points: [applyAffine(scene.toStage, x, y), centre],
      stroke: amountColour(scene.table, amount / most),
      lineWidth: 1.5,
      halo: "#00000099",
    });
  });
  marks.push({ ...stageRect(scene, target), stroke: "#ffffff", lineWidth: 2, halo: "#000000" });
  return marks;
}

function readerMark(scene, query, share) {
  const { layer } = scene;
  const colour = amountColour(scene.table, share);
  if (layer.isEncoder) {
    const { level, row, column } = cellOfQuery(layer, query);
    const box = stageRect(scene, cellBox(layer, level, row, column));
    return { ...box, fill: colour, fillAlpha: 0.35 + 0.5 * share, stroke: colour, lineWidth: 1 };
  }
  const found = layer.header.detections[query];
  if (found && share > 0.2) {
    const box = stageRect(scene, normalisedBox(layer.header, found.box_xyxy_px));
    return { ...box, stroke: colour, lineWidth: 1 + 2 * share };
  }
  const reference = layer.reference(query);
  const [x, y] = applyAffine(scene.toStage, reference.x, reference.y);
  return {
    type: "circle",
    x,
    y,
    radius: 2 + 4 * share,
    fill: colour,
    stroke: "#000000",
    lineWidth: 1,
  };
}
