// One sight of the model as marks: picture or toy map, boxes, the pixels a sample reads, samples and
// reference. The stage of these marks is measured in pixels of the picture, line widths in those of
// the screen; sizes of samples are those of every other picture.
import { cellBox, cellOfQuery } from "../kit/cells.js";
import { crossMarks, stageRect, weightRadius } from "../kit/marks.js";
import { say } from "../kit/words.js";
import { spelled } from "./numbers_text.js";

/** @typedef {import("../kit/marks.js").Mark} Mark */

const MARGIN = 0.06;
const AROUND_PIXELS = 0.35; // of the four cells, shown around them
const UNITS = 112; // letters and the cross are measured in this part of the longer side

/**
 * A box [x0, y0, x1, y1] in pixels of the picture.
 * @param {number[]} box
 * @returns {Mark}
 */
function boxRect([x0, y0, x1, y1]) {
  const [width, height] = [Math.max(0, x1 - x0), Math.max(0, y1 - y0)];
  return { kind: "rect", x: x0, y: y0, width, height };
}

/** White letters that stand out from any picture. */
function letters(size, perPixel) {
  return {
    size,
    weight: 600,
    fill: "#ffffff",
    halo: "#11131a",
    haloWidth: (0.24 * size) / perPixel,
  };
}

/** x, y, width, height of what is shown: everything, or the chosen sample's four pixels. */
export function frameOf({ padded, corners }, scope) {
  if (scope === "pixels" && corners.length) {
    const [xs, ys] = [0, 1].map((axis) => corners.flatMap(({ box }) => [box[axis], box[axis + 2]]));
    const [x0, y0, x1, y1] = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    const edge = AROUND_PIXELS * Math.max(x1 - x0, y1 - y0);
    return [x0 - edge, y0 - edge, x1 - x0 + 2 * edge, y1 - y0 + 2 * edge];
  }
  const margin = MARGIN * Math.max(...padded);
  return [-margin, -margin, padded[0] + 2 * margin, padded[1] + 2 * margin];
}

/** The maps whose cells ask, as the kit reads cells; null where detections ask. */
export function askingCells({ cells_hw: levels }) {
  if (!levels) return null;
  const starts = levels.map((_, level) =>
    levels.slice(0, level).reduce((sum, [height, width]) => sum + height * width, 0),
  );
  return { levels, header: { level_starts: starts } };
}

/** A cell that asks, on the picture. */
export function askingCellMark(data, query, className) {
  const cells = askingCells(data);
  const { level, row, column } = cellOfQuery(cells, query);
  const box = cellBox(cells, level, row, column);
  return {
    ...stageRect({ toStage: data.affine }, box),
    of: { query, level, row, column },
    className,
    stroke: className === "wt-aim" ? "#ffffff" : "#ffe14a",
    lineWidth: 2.5,
    dash: className === "wt-aim" ? [4, 3] : undefined,
  };
}

function groundMarks({ data, unit, scope }) {
  const { url, size, padded, cells } = data;
  const map = boxRect([0, 0, ...padded]);
  const picture = boxRect([0, 0, ...size]);
  const ground = url
    ? { ...picture, kind: "image", image: url, smooth: true }
    : { ...picture, className: "wt-paper" };
  return [
    { ...map, className: "wt-padding", of: { part: "padding" } },
    ground,
    ...(cells ? mapMarks(cells, padded, unit * (scope === "pixels" ? 9 : 3.5), unit) : []),
  ];
}

/** The lines between a map's cells, and its values, `above` the middle to be clear of shares. */
function mapMarks({ hw: [rows, columns], values }, [width, height], above, unit) {
  const line = { kind: "line", className: "wt-grid", lineWidth: 1 };
  const across = Array.from({ length: rows + 1 }, (_, row) => (row * height) / rows);
  const down = Array.from({ length: columns + 1 }, (_, column) => (column * width) / columns);
  return [
    ...across.map((y, row) => ({
      ...line,
      of: { row },
      points: [
        [0, y],
        [width, y],
      ],
    })),
    ...down.map((x, column) => ({
      ...line,
      of: { column },
      points: [
        [x, 0],
        [x, height],
      ],
    })),
    ...values.map((value, cell) => {
      const [row, column] = [Math.floor(cell / columns), cell % columns];
      return {
        kind: "text",
        className: "wt-cell-value",
        of: { row, column },
        text: spelled(value),
        align: "center",
        weight: 400,
        size: 4.2 * unit,
        x: (column + 0.5) * (width / columns),
        y: (row + 0.5) * (height / rows) - above,
      };
    }),
  ];
}

function askingMarks({ data }) {
  return data.cells_hw ? [askingCellMark(data, data.query, "wt-asks")] : [];
}

/** Detections, the largest at the bottom: a box and a name each; and the box of the query. */
function detectionMarks({ data, unit, perPixel }) {
  const area = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);
  return [...data.boxes]
    .sort((a, b) => area(b) - area(a))
    .flatMap(({ box, name, query }) => [
      {
        ...boxRect(box),
        of: { query, part: "box" },
        stroke: "#ffffff",
        lineWidth: 1.4,
        alpha: 0.75,
      },
      {
        kind: "text",
        of: { query, part: "name" },
        text: name,
        x: box[0] + unit / 2,
        y: Math.max(box[1] - unit, 3 * unit),
        ...letters(3.4 * unit, perPixel),
      },
    ]);
}

function answerMarks({ data }) {
  if (!data.box) return [];
  const of = { query: data.query, part: "box" };
  return [{ ...boxRect(data.box), of, className: "wt-box", stroke: "#6cf08f", lineWidth: 2.5 }];
}

/** The four pixels of the chosen sample by their share; from close with it in numbers. */
function cornerMarks({ data, scope, unit, perPixel }) {
  return data.corners.flatMap(({ box, share, cell: [column, row] }) => {
    const of = { row, column, share };
    const pixel = {
      ...boxRect(box),
      of,
      className: "wt-corner",
      fill: "#ffffff",
      fillAlpha: Number((0.15 + 0.6 * share).toFixed(3)),
      stroke: "#11131a",
      lineWidth: 1,
      alpha: 0.25,
    };
    if (scope !== "pixels") return [pixel];
    const words = { kind: "text", of, className: "wt-share", align: "center" };
    const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
    const where = say("canvas.equations.pixel", { row, column });
    return [
      pixel,
      { ...words, x, y, text: `× ${share.toFixed(3)}`, ...letters(5.5 * unit, perPixel) },
      { ...words, x, y: y + 6 * unit, text: where, ...letters(3.6 * unit, perPixel) },
    ];
  });
}

/** Head, level and point of the i-th sample. */
function sampleAt({ shape: [, levels, points], locations, weights }, at) {
  return {
    head: Math.floor(at / (levels * points)),
    level: Math.floor(at / points) % levels,
    point: at % points,
    weight: weights[at],
    place: [locations[2 * at], locations[2 * at + 1]],
  };
}

/** From where each sample's offset starts to the sample. */
function stepMarks({ data, palette }) {
  return data.weights.map((_, at) => {
    const { place, ...of } = sampleAt(data, at);
    const start = [data.starts[2 * at], data.starts[2 * at + 1]];
    return {
      kind: "line",
      of,
      className: "wt-step",
      points: [start, place],
      stroke: palette.heads[of.head % palette.heads.length],
      lineWidth: 1,
      alpha: 0.45,
    };
  });
}

function sampleMarks(scene) {
  const { data, palette, perPixel } = scene;
  return data.weights.map((weight, at) => {
    const { place, ...of } = sampleAt(data, at);
    return {
      kind: "marker",
      shape: palette.marks[of.level % palette.marks.length],
      of: { query: data.query, ...of },
      x: place[0],
      y: place[1],
      size: perPixel * weightRadius(scene, Math.max(0, weight)),
      fill: palette.heads[of.head % palette.heads.length],
      stroke: "#ffffff",
      lineWidth: 1,
    };
  });
}

function referenceMarks({ data, unit }) {
  const { references, reference_box: box, query } = data;
  const of = { query, part: "reference" };
  const dashed = { stroke: "#ffffff", lineWidth: 1.5, dash: [5, 4] };
  const cross = { of, className: "wt-cross", stroke: "#ffffff", lineWidth: 2.4 };
  return [
    ...(box ? [{ ...boxRect(box), ...dashed, of, className: "wt-reference-box" }] : []),
    ...crossMarks(references[0], references[1], 2.4 * unit, cross, "#11131a"),
  ];
}

/** @type {import("../kit/marks.js").Drawing} */
export const EQUATIONS_DRAWING = {
  surfaces: {
    picture: {
      ground: groundMarks,
      asking: askingMarks,
      detections: detectionMarks,
      box: answerMarks,
      corners: cornerMarks,
      steps: stepMarks,
      samples: sampleMarks,
      reference: referenceMarks,
    },
  },
  compose: composeScene,
  aspect: ({ padded }) => padded[0] / padded[1],
  caption: () => [],
  legend: () => [],
};

/** `state` is { data, palette, scope }; width and height are those of the screen. */
function composeScene(state, width, height) {
  const frame = frameOf(state.data, state.scope);
  const shown = Math.min(width / frame[2], height / frame[3]); // screen pixels of one of the picture
  return {
    ...state,
    frame,
    width: shown * frame[2],
    height: shown * frame[3],
    perPixel: 1 / shown,
    unit: Math.max(frame[2], frame[3]) / UNITS,
    toStage: state.data.affine,
  };
}
