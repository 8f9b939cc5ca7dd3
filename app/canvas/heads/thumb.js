// One small picture of the map: where one head looks. Nothing here needs a browser.
import { applyAffine, pictureCorner, stageAffine } from "../kit/frames.js";
import { crossMarks, stageRect } from "../kit/marks.js";
import { standingOf } from "../kit/proof.js";
import { fromShare } from "../kit/same_query.js";
import { paletteTable } from "../kit/state.js";
import { CLOUD_HW, cloudOf, readsOf } from "./reads.js";

const WHOLE = { padding: false, zoom: 1, centre: null };
const GROUND = "#20242e";
const DIM = 0.5;
const FULL_RADIUS = 11; // of a marker that carries weight 1
const LEAST_RADIUS = 0.9;
const MOST_QUERIES = 12; // heaviest, where queries look at each other
const ARM = 4;
const MAP_ALPHA = 0.75;

/**
 * Marks of a small picture.
 * @param {{ layer: any, head: number, query: number | null, picture?: any, palette: any,
 *   width: number, height: number }} scene query null: all queries on average
 * @returns {import("../kit/marks.js").Mark[]}
 */
export function thumbMarks(scene) {
  const { layer, query, picture, width, height } = scene;
  const toStage = stageAffine(layer.header, WHOLE, width, height);
  const box = stageRect({ toStage }, [0, 0, ...pictureCorner(layer.header)]);
  /** @type {import("../kit/marks.js").Mark[]} */
  const ground = [{ kind: "rect", x: 0, y: 0, width, height, fill: GROUND }];
  if (standingOf(layer.header.proof) === "wrong") return ground; // no truth
  if (query === null) return [...ground, ...averageMarks(scene, box)];
  if (picture) ground.push({ ...box, kind: "image", image: picture, smooth: true });
  ground.push({ ...box, fill: "#000000", alpha: DIM });
  return [...ground, ...queryMarks({ ...scene, toStage })];
}

const colourOf = ({ palette, head }) => palette.heads[head % palette.heads.length];

/** What the head reads for one query, and where the query is. */
function queryMarks(scene) {
  const { layer, head, query, toStage } = scene;
  const isMap = !layer.sampleIndex && !layer.isAmongQueries;
  return [
    ...(isMap ? [mapMark(scene)] : pointMarks(scene)),
    ...crossAt(placeOfQuery(layer, query, toStage), { query, head }),
  ];
}

function placeOfQuery(layer, query, toStage) {
  const [x, y] = layer.centre ? layer.centre(query) : referenceOf(layer, query);
  return applyAffine(toStage, x, y);
}

function referenceOf(layer, query) {
  const { x, y } = layer.reference(query);
  return [x, y];
}

/** @param {number[]} place */
const crossAt = ([x, y], of) =>
  crossMarks(x, y, ARM, { of, stroke: "#ffffff", lineWidth: 1.4 }, "#000000");

/** A disc per place, its area the weight; heavy ones below. */
function pointMarks(scene) {
  const { layer, head, query, toStage } = scene;
  const all = readsOf(layer, head, query);
  return (layer.isAmongQueries ? all.slice(0, MOST_QUERIES) : all).map(({ x, y, weight }) => {
    const [stageX, stageY] = applyAffine(toStage, x, y);
    return {
      kind: "marker",
      shape: "circle",
      of: { query, head, weight, x, y },
      x: stageX,
      y: stageY,
      size: Math.max(LEAST_RADIUS, FULL_RADIUS * Math.sqrt(weight)),
      fill: colourOf(scene),
      stroke: "#11131a",
      lineWidth: 0.6,
    };
  });
}

/** Every cell of a dense map in the colour of its weight. */
function mapMark({ layer, head, query, palette, toStage }) {
  const [[rows, columns]] = layer.levels;
  return {
    ...stageRect({ toStage }, [0, 0, 1, 1]),
    ...cellsOf(layer.weights(query, head), rows, columns, palette),
    of: { query, head },
    alpha: MAP_ALPHA,
  };
}

function cellsOf(values, rows, columns, palette) {
  const high = values.reduce((most, value) => Math.max(most, value), 0) || 1;
  const colours = paletteTable(palette);
  return { kind: "cells", rows, columns, values, low: 0, high, colours, smooth: false };
}

/** All queries at once, each in the middle of the picture. */
function averageMarks({ layer, head, palette, width, height }, box) {
  const [rows, columns] = CLOUD_HW;
  const toStage = stageAffine(layer.header, WHOLE, width, height);
  const middle = applyAffine(toStage, ...fromShare(layer.header, 0.5, 0.5));
  return [
    { ...box, ...cellsOf(cloudOf(layer, head), rows, columns, palette), of: { head } },
    ...crossAt(middle, { head }),
  ];
}
