// A deformed grid as the packed trace a canvas reads, as deformviz/tracing/packing_grid.py packs it;
// without the object's mask and without the surface of the bias, which no answer of a model holds.
import { frameAffines } from "../element/frame_affines.js";
import { roundToEven, withHeader } from "../element/pack_layer.js";
import { VERSION } from "../kit/packed.js";

const STEPS = 65535; // of a uint16

/** Coefficients that lead from grid coordinates (x, y in [-1, 1]) to normalised points. */
function gridAffine(hw, alignCorners) {
  const [height, width] = hw;
  const scale = (size) => (alignCorners ? (size - 1) / (2 * size) : 0.5);
  return [scale(width), 0.5, scale(height), 0.5];
}

/** Grid coordinates (y, x) one after another, as normalised (x, y). */
function normalised(gridYx, affine) {
  const [scaleX, shiftX, scaleY, shiftY] = affine;
  const points = new Float32Array(gridYx.length);
  for (let at = 0; at < gridYx.length; at += 2) {
    points[at] = gridYx[at + 1] * scaleX + shiftX;
    points[at + 1] = gridYx[at] * scaleY + shiftY;
  }
  return points;
}

/** Numbers as steps of their range; nothing is clamped. */
function inSteps(numbers, zero, scale) {
  return Uint16Array.from(numbers, (number) => roundToEven((number - zero) / scale));
}

function extremes(numbers) {
  let [low, high] = [Infinity, -Infinity];
  for (const number of numbers) {
    low = Math.min(low, number);
    high = Math.max(high, number);
  }
  return [low, high];
}

/** What an average query and head of a group gives to each of its knots: [group knot]. */
function heed(weights, { groups, heads, queries, knots }) {
  const each = new Float64Array(groups * knots);
  const perGroup = heads / groups;
  for (let head = 0; head < heads; head++) {
    const group = Math.floor(head / perGroup);
    for (let query = 0; query < queries; query++) {
      for (let knot = 0; knot < knots; knot++)
        each[group * knots + knot] += weights[(head * queries + query) * knots + knot];
    }
  }
  return each.map((sum) => sum / (queries * perGroup));
}

/** The group whose heeded knots moved most, and the cell where most attention goes. */
function starts(sizes, hw, heeded, from, to) {
  const [height, width] = hw;
  const moved = Array(sizes.groups).fill(0);
  const middle = [0, 0];
  let all = 0;
  heeded.forEach((share, at) => {
    const [x, y] = [to[2 * at], to[2 * at + 1]];
    moved[Math.floor(at / sizes.knots)] +=
      share * Math.hypot(x - from[2 * at], y - from[2 * at + 1]);
    middle[0] += share * x;
    middle[1] += share * y;
    all += share;
  });
  const cell = (share, size) =>
    Math.min(size - 1, Math.max(0, roundToEven((share / all) * size - 0.5)));
  return {
    start_group: moved.indexOf(Math.max(...moved)),
    start_query: cell(middle[1], height) * width + cell(middle[0], width),
  };
}

/**
 * @param {any} layer of a model's facts
 * @param {(name: string) => { shape: number[], numbers: Float32Array }} of an array of the layer
 * @param {{ label: number, probability: number, class_name: string }[]} found classes, best first
 * @param {{ frame: any, model: string, honesty: string }} around
 */
export function packGrid(layer, of, found, { frame, model, honesty }) {
  const has = (name) => layer.arrays.includes(name);
  const { query_hw: queryHw, grid_hw: gridHw } = layer;
  const { shape, numbers: weights } = of("attention_weights");
  const [heads, queries, knots] = shape;
  const sizes = { heads, queries, knots, groups: of("positions").shape[0] };
  const affine = gridAffine(queryHw, layer.align_corners);
  const [scaleX, shiftX, scaleY, shiftY] = affine;
  const points = (name) => normalised(of(name).numbers, affine);
  const [from, to] = [points("reference_grid"), points("positions")];
  const bias = has("position_bias") ? of("position_bias").numbers : null;
  const [low, high] = bias ? extremes(bias) : [0, 0];
  const biasScale = (high - low) / STEPS || 1;
  const weightScale = extremes(weights)[1] / STEPS || 1;
  const header = {
    v: VERSION,
    layer: layer.name,
    kind: "grid",
    model_label: model,
    honesty_label: honesty,
    version: layer.version,
    ...sizes,
    grid_hw: gridHw,
    query_hw: queryHw,
    levels: [queryHw],
    level_starts: [0],
    frame,
    ...frameAffines(frame, [queryHw]),
    to_grid: [1 / scaleX, -shiftX / scaleX, 1 / scaleY, -shiftY / scaleY],
    weight_scale: weightScale,
    align_corners: layer.align_corners,
    has_starts: has("query_grid"),
    has_bias: Boolean(bias),
    ...(bias ? { bias_zero: low, bias_scale: biasScale } : {}),
    mask_hw: null,
    surface_hw: null,
    classes: found.map((one) => ({ ...one, probability: Number(one.probability.toFixed(5)) })),
    ...starts(sizes, queryHw, heed(weights, sizes), from, to),
    proof: null,
  };
  const parts = [from, to];
  if (has("query_grid")) parts.push(points("query_grid"));
  return withHeader(header, [
    ...parts,
    inSteps(weights, 0, weightScale),
    ...(bias ? [inSteps(bias, low, biasScale)] : []),
  ]);
}
