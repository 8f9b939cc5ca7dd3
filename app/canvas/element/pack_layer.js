// Sampling points of a recorded layer as the packed trace a canvas reads, number for number as
// deformviz/tracing/packing.py packs it.
import { applyAffine } from "../kit/frames.js";
import { VERSION } from "../kit/packed.js";
import { frameAffines } from "./frame_affines.js";

const STEPS = 65535; // of a uint16
const SHOWN_SCORE = 0.3;
const FEWEST_SHOWN = 5; // yet a weak model still shows its best guesses

/** The whole number nearest to x, the even one of two. */
export function roundToEven(x) {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return Math.round(x);
  return below % 2 ? below + 1 : below;
}

const rounded = (x, digits) => Number(x.toFixed(digits));

/** Zero and step of x and y, from the layer's own extremes: nothing is clamped. */
function fixedPointRange(locations) {
  const [low, high] = [
    [Infinity, Infinity],
    [-Infinity, -Infinity],
  ];
  for (let at = 0; at < locations.length; at++) {
    low[at % 2] = Math.min(low[at % 2], locations[at]);
    high[at % 2] = Math.max(high[at % 2], locations[at]);
  }
  const scale = low.map((from, axis) => (high[axis] > from ? high[axis] - from : 1) / STEPS);
  return { zero: low, scale };
}

function largest(numbers) {
  let most = -Infinity;
  for (const number of numbers) most = Math.max(most, number);
  return most;
}

/** The best detection of each query; null for one that found nothing. */
function byQuery(found, queries) {
  const best = Array(queries).fill(null);
  if (!found) return best;
  found.queries.forEach((query, index) => {
    if (best[query]) return;
    const label = found.labels[index];
    best[query] = {
      label,
      class_name: found.classNames[label] ?? `class ${label}`,
      score: rounded(found.scores[index], 4),
      box_xyxy_px: found.boxes.slice(4 * index, 4 * index + 4).map((edge) => rounded(edge, 2)),
    };
  });
  return best;
}

/** Which query to show first and, in a decoder, what each query found. */
function firstQuery(kind, queries, levels, starts, found, fromOriginal) {
  if (kind === "decoder") {
    const detections = byQuery(found, queries);
    const scores = detections.flatMap((one) => (one ? [one.score] : [])).sort((a, b) => b - a);
    const fifth = scores.slice(FEWEST_SHOWN - 1, FEWEST_SHOWN);
    return {
      start_query: found?.queries[0] ?? 0,
      detections,
      shown_score: Math.min(SHOWN_SCORE, ...fifth),
    };
  }
  let centre = [0.5, 0.5];
  if (found?.queries.length) {
    const [x0, y0, x1, y1] = found.boxes;
    centre = applyAffine(fromOriginal, (x0 + x1) / 2 - 0.5, (y0 + y1) / 2 - 0.5);
  }
  const level = Math.min(1, levels.length - 1);
  const [height, width] = levels[level];
  const inside = (at, size) => Math.min(size - 1, Math.max(0, Math.trunc(at * size)));
  const cell = inside(centre[1], height) * width + inside(centre[0], width);
  return { start_query: starts[level] + cell, detections: [], shown_score: 0 };
}

/** u32 length | header, padded so that the body starts at a multiple of 8 | body. */
export function withHeader(header, parts) {
  const plain = JSON.stringify(header).replace(
    /[\u0080-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const text = new TextEncoder().encode(plain + " ".repeat((8 - ((4 + plain.length) % 8)) % 8));
  const lengths = parts.map((part) => part.byteLength);
  const whole = new Uint8Array(4 + text.length + lengths.reduce((sum, one) => sum + one, 0));
  new DataView(whole.buffer).setUint32(0, text.length, true);
  whole.set(text, 4);
  let at = 4 + text.length;
  for (const part of parts) {
    whole.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  return whole.buffer;
}

/**
 * @param {object} layer of one picture
 * @param {string} layer.name
 * @param {number[][]} layer.levels
 * @param {number[]} layer.pointsPerLevel
 * @param {number} layer.queries
 * @param {number} layer.heads
 * @param {ArrayLike<number>} layer.locations [query head sample xy]
 * @param {ArrayLike<number> & Iterable<number>} layer.weights [query head sample]
 * @param {"points" | "boxes"} layer.referenceKind
 * @param {ArrayLike<number>} layer.references [query level xy or cxcywh]
 * @param {any} layer.proof as a header holds it
 * @param {{ frame: any, found: any, model: string, honesty: string }} around
 */
export function packLayer(layer, { frame, found, model, honesty }) {
  const { name, levels, queries, heads, locations, weights } = layer;
  const starts = [];
  let cells = 0;
  for (const [height, width] of levels) {
    starts.push(cells);
    cells += height * width;
  }
  // Of an encoder that kept some queries alone, cells without one have nothing to show.
  const kind = name.startsWith("encoder") && queries === cells ? "encoder" : "decoder";
  const { zero, scale } = fixedPointRange(locations);
  const weightScale = largest(weights) / STEPS || 1;
  const affines = frameAffines(frame, levels);
  const header = {
    v: VERSION,
    layer: name,
    kind,
    model_label: model,
    honesty_label: honesty,
    queries,
    heads,
    points_per_level: layer.pointsPerLevel,
    levels,
    level_starts: starts,
    references: layer.referenceKind,
    location_zero: zero,
    location_scale: scale,
    weight_scale: weightScale,
    box_layers: 0,
    frame,
    ...affines,
    ...firstQuery(kind, queries, levels, starts, found, affines.from_original),
    proof: layer.proof,
  };
  const fixed = new Uint16Array(locations.length + weights.length + (weights.length % 2));
  for (let at = 0; at < locations.length; at++)
    fixed[at] = roundToEven((locations[at] - zero[at % 2]) / scale[at % 2]);
  for (let at = 0; at < weights.length; at++)
    fixed[locations.length + at] = Math.min(
      STEPS,
      Math.max(0, roundToEven(weights[at] / weightScale)),
    );
  return withHeader(header, [fixed, Float32Array.from(layer.references)]);
}
