// Layers below the knots: the picture, the bias as a surface, the outline of a known object.
import { applyAffine, pictureCorner } from "../kit/frames.js";
import { stageRect } from "../kit/marks.js";

const SURFACE_CELLS = 72;
const SURFACE_ALPHA = 0.78;

export function gridPhotoMarks(scene) {
  const { layer, view, width, height } = scene;
  const [right, bottom] = pictureCorner(layer.header);
  /** @type {import("../kit/marks.js").Mark[]} */
  const marks = [{ kind: "rect", x: 0, y: 0, width, height, fill: "#20242e" }];
  scene.panels.forEach(({ toStage }, panel) => {
    const box = { ...stageRect({ toStage }, [0, 0, right, bottom]), panel };
    if (scene.picture) marks.push({ ...box, kind: "image", image: scene.picture, smooth: true });
    if (view.dim > 0) marks.push({ ...box, fill: "#000000", alpha: view.dim });
  });
  return marks;
}

/** Bias over the whole map for the shown query, mean over the shown heads; with its extremes. */
export function biasSurface(scene) {
  const { layer, query, view } = scene;
  if (!view.surface || !layer.surface || !view.heads.length) return null;
  const values = new Float64Array(SURFACE_CELLS ** 2);
  for (let cell = 0; cell < values.length; cell++) {
    const place = [
      ((cell % SURFACE_CELLS) + 0.5) / SURFACE_CELLS,
      (Math.floor(cell / SURFACE_CELLS) + 0.5) / SURFACE_CELLS,
    ];
    values[cell] = layer.surfaceAt(query, place, view.heads);
  }
  return {
    values,
    low: values.reduce((a, b) => Math.min(a, b)),
    high: values.reduce((a, b) => Math.max(a, b)),
  };
}

export function surfaceMarks(scene) {
  const { bias, table: colours, query } = scene;
  if (!bias) return [];
  const { values, low, high } = bias;
  const cells = { rows: SURFACE_CELLS, columns: SURFACE_CELLS, values, low, high, colours };
  return scene.panels.map(({ toStage }, panel) => ({
    ...stageRect({ toStage }, [0, 0, 1, 1]),
    ...cells,
    kind: "cells",
    of: { query },
    panel,
    smooth: true,
    alpha: SURFACE_ALPHA,
  }));
}

/** Edges between pixels on and off the object, drawn as one dashed outline per picture. */
export function objectMarks(scene) {
  const { layer, view } = scene;
  if (!view.object || !layer.mask) return [];
  const edges = maskEdges(layer);
  return scene.panels.flatMap(({ toStage }, panel) =>
    edges.map((edge) => ({
      kind: "line",
      panel,
      points: edge.map(([x, y]) => applyAffine(toStage, x, y)),
      stroke: "#ffffff",
      lineWidth: 1.2,
      halo: "#000000",
    })),
  );
}

function maskEdges(layer) {
  const [height, width] = layer.header.mask_hw;
  const on = (row, column) =>
    row >= 0 &&
    column >= 0 &&
    row < height &&
    column < width &&
    layer.mask[row * width + column] === 1;
  const edges = [];
  for (let row = 0; row <= height; row++) {
    for (let column = 0; column <= width; column++) {
      const corner = [column / width, row / height];
      const right = [(column + 1) / width, row / height];
      const below = [column / width, (row + 1) / height];
      if (on(row, column) !== on(row - 1, column)) edges.push([corner, right]);
      if (on(row, column) !== on(row, column - 1)) edges.push([corner, below]);
    }
  }
  return edges;
}
