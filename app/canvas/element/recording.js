// A recording (.deformviz, docs/recording-format.md) in the browser: what can be drawn of it.
import { say } from "../kit/words.js";
import { packLayer } from "./pack_layer.js";
import { readSafetensors } from "./safetensors.js";

const FORMAT = "deformviz recording";
const VERSION = 1;
const DRAWN = ["AttentionTrace", "UnequalAttentionTrace"];

/** The index of a recording; Python writes numbers that are none as JSON does not know them. */
function readIndex(text) {
  try {
    return JSON.parse(text);
  } catch {
    return JSON.parse(text.replace(/:\s*(-?)(NaN|Infinity)/g, ': "nan"'));
  }
}

const proofHeader = (proof) =>
  proof && {
    difference: Number.isFinite(proof.difference) ? proof.difference : "nan",
    tolerance: proof.tolerance,
    placement: proof.placement_strides,
  };

export class Recording {
  /**
   * @param {ArrayBuffer} buffer
   * Throws a sentence where it is none, of a newer version, or holds nothing that can be drawn.
   */
  constructor(buffer) {
    const file = readSafetensors(buffer);
    if (file?.metadata.format !== FORMAT) throw new Error(say("element.no_recording"));
    if (!(Number(file.metadata.version) <= VERSION)) throw new Error(say("element.newer"));
    if (!file.whole) throw new Error(say("element.damaged"));
    this.file = file;
    try {
      this.index = readIndex(file.metadata.index);
      this.layers = this.index.layers.filter((layer) => DRAWN.includes(layer.kind));
    } catch {
      throw new Error(say("element.damaged"));
    }
    if (!this.layers.length || !this.index.images.length) throw new Error(say("element.no_points"));
  }

  get names() {
    return this.layers.map(({ name }) => name);
  }

  array(name) {
    const found = this.file.array(name);
    if (!found) throw new Error(say("element.damaged"));
    return found;
  }

  /** An array of one picture of the batch. */
  ofImage(name, image) {
    const { shape, numbers } = this.array(name);
    const [batch, ...rest] = shape;
    const count = numbers.length / batch;
    return { shape: rest, numbers: numbers.subarray(image * count, (image + 1) * count) };
  }

  /** The picture as bytes of a JPEG; null where none was kept. */
  picture(image) {
    return this.file.array(`image/${image}/picture`)?.numbers ?? null;
  }

  title(image) {
    return this.index.images[image].title || this.index.model;
  }

  found(image) {
    const { arrays, class_names: classNames } = this.index.images[image];
    if (!arrays.includes("scores")) return null;
    const read = (name) => [...this.array(`image/${image}/${name}`).numbers];
    const [boxes, scores, labels, queries] = ["boxes_xyxy_px", "scores", "labels", "queries"].map(
      read,
    );
    return { boxes, scores, labels, queries, classNames };
  }

  /** A layer of a picture as a canvas reads it. */
  pack(name, image) {
    const layer = this.layers.find((one) => one.name === name);
    const at = (array) => `layer/${name}/${array}`;
    const shapes = this.array(at("spatial_shapes")).numbers;
    const levels = Array.from({ length: shapes.length / 2 }, (_, level) => [
      Number(shapes[2 * level]),
      Number(shapes[2 * level + 1]),
    ]);
    const weights = this.ofImage(at("attention_weights"), image);
    const boxed = layer.arrays.includes("reference_boxes");
    const references = this.ofImage(at(boxed ? "reference_boxes" : "reference_points"), image);
    const [queries, heads] = weights.shape;
    return packLayer(
      {
        name,
        levels,
        queries,
        heads,
        pointsPerLevel: layer.facts.points_per_level,
        locations: this.ofImage(at("sampling_locations"), image).numbers,
        weights: weights.numbers,
        referenceKind: boxed ? "boxes" : "points",
        references: references.numbers,
        proof: proofHeader(layer.proof),
      },
      {
        frame: this.index.images[image].frame,
        found: this.found(image),
        model: this.index.model,
        honesty: this.index.honesty,
      },
    );
  }
}
