// Middle layer: amounts over the whole map. Sampling mass, or who reads a place.
import { cellBox, cellOfQuery } from "../kit/cells.js";
import { applyAffine, normalisedBox } from "../kit/frames.js";
import { amountColour } from "../kit/glyphs.js";
import { stageRect } from "../kit/marks.js";

const MASS_ALPHA = 0.6; // the picture stays in sight
const LINES_DRAWN = 12;
const CELLS_DRAWN = 1500;

/** The map of the level, one cell for each pixel of it. */
export function massMarks(scene) {
  const { view, mass, layer, table: colours } = scene;
  if (!view.mass || !mass) return [];
  const [rows, columns] = layer.levels[mass.level];
  const cells = { rows, columns, values: mass.grid, low: 0, high: mass.ceiling, colours };
  return [
    {
      ...stageRect(scene, [0, 0, 1, 1]),
      ...cells,
      kind: "cells",
      of: { level: mass.level },
      smooth: false,
      alpha: MASS_ALPHA,
    },
  ];
}

/** Queries that read the looked-up cell: their cells or boxes by amount, lines from the first. */
export function lookupMarks(scene) {
  const { layer, lookup } = scene;
  if (!scene.view.reverse || !lookup) return [];
  const most = lookup.ranked[0]?.amount ?? 1;
  const marks = [];
  for (const { query, amount } of lookup.ranked.slice(0, CELLS_DRAWN).reverse()) {
    marks.push({
      ...readerMark(scene, query, amount / most),
      of: { query, amount, part: "reader" },
    });
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
      kind: "line",
      of: { query, amount, part: "line" },
      points: [applyAffine(scene.toStage, x, y), centre],
      stroke: amountColour(scene.table, amount / most),
      lineWidth: 1.5,
      halo: "#00000099",
    });
  });
  const { level, row, column } = lookup;
  marks.push({
    ...stageRect(scene, target),
    of: { level, row, column, part: "place" },
    stroke: "#ffffff",
    lineWidth: 2,
    halo: "#000000",
  });
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
    kind: "marker",
    shape: "circle",
    x,
    y,
    size: 2 + 4 * share,
    fill: colour,
    stroke: "#000000",
    lineWidth: 1,
  };
}
