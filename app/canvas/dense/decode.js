// Dense attention of one layer in memory. The bytes are described in deformviz/tracing/packing_dense.py.
import { cellBox, cellOfQuery } from "../kit/cells.js";
import { applyAffine } from "../kit/frames.js";
import { arrayTaker, readHeader } from "../kit/packed.js";

const STEPS = 65535; // of a uint16

export class DenseLayer {
  /** @param {ArrayBuffer} buffer not zipped */
  constructor(buffer) {
    const { header, start } = readHeader(buffer, ["dense"]);
    /** @type {import("../kit/headers.js").DenseHeader} */
    this.header = header;
    /** @type {[number, number][]} */
    this.levels = header.levels;
    const { heads, queries, keys } = header;
    const take = arrayTaker(buffer, start);
    this.largest = take(Float32Array, heads * queries);
    this.boxes = take(Float32Array, 4 * queries, !this.isEncoder);
    this.steps = take(Uint16Array, heads * queries * keys);
  }

  get isEncoder() {
    return this.header.side === "encoder";
  }

  /** Whether the keys are the queries themselves, not cells of a map. */
  get isAmongQueries() {
    return !this.levels.length;
  }

  /** What one head of a query gives each key. */
  weights(query, head) {
    const { queries, keys } = this.header;
    const row = head * queries + query;
    const step = this.largest[row] / STEPS;
    return Float32Array.from(this.steps.subarray(row * keys, (row + 1) * keys), (n) => n * step);
  }

  /** The same on average over the heads. */
  averages(query) {
    const { heads, keys } = this.header;
    const sum = new Float32Array(keys);
    for (let head = 0; head < heads; head++) {
      this.weights(query, head).forEach((weight, key) => (sum[key] += weight / heads));
    }
    return sum;
  }

  /** Normalised corners of a query: its cell, or the box that the layer said. */
  corners(query) {
    if (this.isEncoder) {
      const { level, row, column } = cellOfQuery(this, query);
      return cellBox(this, level, row, column);
    }
    const [x, y, width, height] = this.boxes.subarray(4 * query, 4 * query + 4);
    const { valid_to_padded: toPadded } = this.header;
    return [
      ...applyAffine(toPadded, x - width / 2, y - height / 2),
      ...applyAffine(toPadded, x + width / 2, y + height / 2),
    ];
  }

  /** Normalised centre of a query. */
  centre(query) {
    const [x0, y0, x1, y1] = this.corners(query);
    return [(x0 + x1) / 2, (y0 + y1) / 2];
  }
}

/** Dense attention from bytes that are not zipped. */
export const decodeDense = (buffer) => new DenseLayer(buffer);
