// From the outputs of a graph to what a canvas reads, as deformviz/models/postprocess.py and the
// packing of traces have it.
import { packLayer } from "../element/pack_layer.js";
import { packGrid } from "./pack_grid.js";

const TOP = 100;
const LIKELIEST = 5;

const sigmoid = (logit) => 1 / (1 + Math.exp(-logit));

/** Shares that sum to 1. */
export function softmax(logits) {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const raised = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = raised.reduce((a, b) => a + b, 0);
  return raised.map((one) => one / sum);
}

/** [{ query, label, score }], best first: every pair, or with `noObject` each query's best class. */
function scored(logits, width, noObject) {
  const found = [];
  const queries = logits.length / width;
  for (let query = 0; query < queries; query++) {
    const row = logits.subarray(query * width, (query + 1) * width);
    if (noObject) {
      const shares = softmax(row).slice(0, -1);
      const label = shares.indexOf(Math.max(...shares));
      found.push({ query, label, score: shares[label] });
    } else row.forEach((logit, label) => found.push({ query, label, score: sigmoid(logit) }));
  }
  return found.sort((a, b) => b.score - a.score).slice(0, TOP);
}

/** Boxes, scores, labels and queries in pixels of a picture of `hw`, best first. */
export function detections(facts, outputs, [height, width]) {
  const { numbers: logits, shape } = outputs.logits;
  const boxes = outputs.boxes_cxcywh.numbers;
  const best = scored(logits, shape.at(-1), facts.no_object);
  return {
    queries: best.map(({ query }) => query),
    labels: best.map(({ label }) => label),
    scores: best.map(({ score }) => score),
    boxes: best.flatMap(({ query }) => {
      const [x, y, wide, tall] = boxes.subarray(4 * query, 4 * query + 4);
      return [
        (x - wide / 2) * width,
        (y - tall / 2) * height,
        (x + wide / 2) * width,
        (y + tall / 2) * height,
      ];
    }),
    classNames: facts.class_names,
  };
}

/** The likeliest classes of a classifier, best first. */
export function classes(facts, outputs) {
  return softmax(outputs.logits.numbers)
    .map((probability, label) => ({
      label,
      probability,
      class_name: facts.class_names[label] ?? `class ${label}`,
    }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, LIKELIEST);
}

/** A layer of an answer, packed for its canvas; `hw` is the size of the picture on show. */
export function packed(facts, outputs, name, hw) {
  const layer = facts.layers.find((one) => one.name === name);
  const of = (array) => outputs[`${name}/${array}`];
  const frame = { original_hw: hw, resized_hw: facts.input_hw, padded_hw: facts.input_hw };
  const around = { frame, model: facts.name, honesty: facts.honesty };
  if (layer.kind === "grid") return packGrid(layer, of, classes(facts, outputs), around);
  const weights = of("attention_weights");
  const boxed = layer.arrays.includes("reference_boxes");
  const [queries, heads] = weights.shape;
  const found = facts.answer === "boxes" ? detections(facts, outputs, hw) : null;
  return packLayer(
    {
      name,
      levels: layer.levels,
      queries,
      heads,
      pointsPerLevel: layer.points_per_level,
      locations: of("sampling_locations").numbers,
      weights: weights.numbers,
      referenceKind: boxed ? "boxes" : "points",
      references: of(boxed ? "reference_boxes" : "reference_points").numbers,
      proof: null,
    },
    { ...around, found },
  );
}
