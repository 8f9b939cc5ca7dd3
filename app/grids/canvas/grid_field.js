// Layers below the knots: the picture, the bias as a surface, the outline of a known object.
import { applyAffine, applyInverse, pictureCorner } from "../../explorer/canvas/frames.js";

const SURFACE_CELLS = 72;
const SURFACE_ALPHA = 0.78;

export function gridPhotoMarks(scene) {
  const { layer, view, width, height } = scene;
  const marks = [{ type: "rect", x: 0, y: 0, width, height, fill: "#20242e" }];
  for (const { toStage } of scene.panels) {
    const [left, top] = applyAffine(toStage, 0, 0);
    const [right, bottom] = applyAffine(toStage, ...pictureCorner(layer.header));
    const box = { x: left, y: top, width: right - left, height: bottom - top };
    if (scene.picture) marks.push({ type: "image", image: scene.picture, smooth: true, ...box });
    if (view.dim > 0) marks.push({ type: "rect", fill: "#000000", alpha: view.dim, ...box });
  }
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

function surfaceImage({ values, low, high }, table) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SURFACE_CELLS;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(SURFACE_CELLS, SURFACE_CELLS);
  const last = table.length / 3 - 1;
  values.forEach((value, cell) => {
    const step = 3 * Math.round(((value - low) / (high - low || 1)) * last);
    pixels.data.set([table[step], table[step + 1], table[step + 2], 255], 4 * cell);
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}

export function surfaceFieldMarks(scene) {
  if (!scene.bias) return [];
  const image = surfaceImage(scene.bias, scene.table);
  return scene.panels.map(({ toStage }) => {
    const [left, top] = applyAffine(toStage, 0, 0);
    const [right, bottom] = applyAffine(toStage, 1, 1);
    return {
      type: "image",
      image,
      smooth: true,
      alpha: SURFACE_ALPHA,
      x: left,
      y: top,
      width: right - left,
      height: bottom - top,
    };
  });
}

/** Edges between pixels on and off the object, drawn as one dashed outline per picture. */
export function objectMarks(scene) {
  const { layer, view } = scene;
  if (!view.object || !layer.mask) return [];
  const edges = maskEdges(layer);
  return scene.panels.flatMap(({ toStage }) =>
    edges.map((edge) => ({
      type: "line",
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
      const [x, y] = [column / width, row / height];
      if (on(row, column) !== on(row - 1, column))
        edges.push([
          [x, y],
          [(column + 1) / width, y],
        ]);
      if (on(row, column) !== on(row, column - 1))
        edges.push([
          [x, y],
          [x, (row + 1) / height],
        ]);
    }
  }
  return edges;
}

/** A normalised place under a place of the stage. */
export function placeUnder(panel, x, y) {
  return applyInverse(panel.toStage, x, y);
}
