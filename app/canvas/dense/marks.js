// On each picture, what one head of the shown query looks at: a map over cells, or lines to queries.
import { applyAffine, pictureCorner } from "../kit/frames.js";
import { stageRect, weightRadius } from "../kit/marks.js";
import { countTo } from "../kit/view.js";
import { say } from "../kit/words.js";
import { TITLE_ROOM } from "./panels.js";

const MAP_ALPHA = 0.72;
const TITLE_SIZE = 13;
export const MOST_LINES = 20; // heaviest keys of each picture, where keys are queries

/** The picture, darkened, below its title. */
export function pictureMarks(scene) {
  const corner = pictureCorner(scene.layer.header);
  return scene.panels.flatMap(({ head, left, top, panelWidth, panelHeight, toStage }, panel) => {
    const ground = { panel, kind: "rect", x: left, width: panelWidth, fill: "#20242e" };
    const box = { ...stageRect({ toStage }, [0, 0, ...corner]), panel };
    const image = { ...box, kind: "image", image: scene.picture, smooth: true };
    return [
      { ...ground, y: top - TITLE_ROOM, height: panelHeight + TITLE_ROOM },
      ...(scene.picture ? [image] : []),
      { ...box, fill: "#000000", alpha: scene.view.dim },
      {
        panel,
        kind: "text",
        text: head === null ? say("canvas.dense.heads") : say("canvas.dense.head", { head }),
        font: scene.font,
        fill: "#ffffff",
        weight: 700,
        size: TITLE_SIZE,
        x: left + 8,
        y: top - 8,
      },
    ];
  });
}

/** On each picture the weights of its head for the shown query. */
export function weightMarks(scene) {
  const draw = scene.layer.isAmongQueries ? lineMarks : mapMarks;
  return scene.panels.flatMap((panel, index) =>
    draw(scene, panel, weightsOf(scene, panel)).map((mark) => ({ ...mark, panel: index })),
  );
}

const weightsOf = ({ layer, query }, { head }) =>
  head === null ? layer.averages(query) : layer.weights(query, head);

/** Every cell in the colour of its weight, up to the largest of this picture. */
function mapMarks({ layer, query, table: colours }, { toStage, head }, values) {
  const [[rows, columns]] = layer.levels;
  const high = values.reduce((a, b) => Math.max(a, b));
  return [
    {
      ...stageRect({ toStage }, [0, 0, 1, 1]),
      ...{ rows, columns, values, low: 0, high, colours },
      kind: "cells",
      of: { query, part: partOf(head) },
      smooth: false,
      alpha: MAP_ALPHA,
    },
  ];
}

const partOf = (head) => (head === null ? "heads" : `head ${head}`);

/** A line to each of the heaviest queries, and a disc there whose area is the weight. */
function lineMarks({ layer, query, palette }, panel, weights) {
  const { head, toStage, panelWidth: width, panelHeight: height } = panel;
  const colour = head === null ? "#ffffff" : palette.heads[head % palette.heads.length];
  const place = (one) => {
    const [x, y] = layer.centre(one);
    return applyAffine(toStage, x, y);
  };
  const heaviest = countTo(weights.length)
    .sort((a, b) => weights[b] - weights[a] || a - b)
    .slice(0, MOST_LINES);
  const of = (key) => ({ query, row: key, weight: weights[key] });
  const ends = heaviest.map((key) => ({ of: of(key), to: place(key), weight: weights[key] }));
  const from = place(query);
  return [
    ...ends.map(({ of: one, to }) => ({
      kind: "line",
      of: one,
      points: [from, to],
      stroke: colour,
      lineWidth: 1,
      alpha: 0.6,
    })),
    ...ends.map(({ of: one, to: [x, y], weight }) => ({
      kind: "marker",
      shape: "circle",
      of: one,
      x,
      y,
      size: weightRadius({ width, height }, weight),
      fill: colour,
      fillAlpha: 0.9,
      stroke: "#11131a",
      lineWidth: 0.8,
    })),
  ];
}

/** The cell of the query, or its box, the same on every picture. */
export function queryMarks({ layer, query, panels }) {
  return panels.map(({ toStage }, panel) => ({
    ...stageRect({ toStage }, layer.corners(query)),
    panel,
    of: { query, part: "query" },
    stroke: "#ffffff",
    lineWidth: 2,
    halo: "#000000",
  }));
}
