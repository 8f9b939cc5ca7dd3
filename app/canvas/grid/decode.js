// One packed deformed grid in memory. The bytes are described in deformviz/tracing/packing_grid.py.
import { applyAffine } from "../kit/frames.js";
import { arrayTaker, readHeader } from "../kit/packed.js";
import { countTo } from "../kit/view.js";

const CORNERS = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];

export class PackedGrid {
  /** @param {ArrayBuffer} buffer not zipped */
  constructor(buffer) {
    const { header, start } = readHeader(buffer, ["grid"]);
    /** @type {import("../kit/headers.js").GridHeader} */
    this.header = header;
    this.buffer = buffer;
    /** @type {[number, number][]} */
    this.levels = header.levels;
    this.means = new Map(); // head -> what an average query gives to each knot
    const { groups, heads, knots, queries } = header;
    const take = arrayTaker(buffer, start);
    this.references = take(Float32Array, 2 * groups * knots);
    this.positions = take(Float32Array, 2 * groups * knots);
    this.starts = take(Float32Array, 2 * queries, header.has_starts);
    this.surface = take(Float32Array, heads * area(header.surface_hw), header.surface_hw);
    this.weights = take(Uint16Array, heads * queries * knots);
    this.biases = take(Uint16Array, heads * queries * knots, header.has_bias);
    this.mask = take(Uint8Array, area(header.mask_hw), header.mask_hw);
  }

  /** Queries are cells of a map, as those of an encoder are. */
  get isEncoder() {
    return true;
  }

  groupOf(head) {
    return Math.floor(head / (this.header.heads / this.header.groups));
  }

  headsOf(group) {
    const each = this.header.heads / this.header.groups;
    return countTo(each).map((index) => group * each + index);
  }

  /** A knot on its way from the undeformed grid (share 0) to where it is read (1), normalised. */
  place(group, knot, share) {
    const at = 2 * (group * this.header.knots + knot);
    const { references: from, positions: to } = this;
    return [
      from[at] + share * (to[at] - from[at]),
      from[at + 1] + share * (to[at + 1] - from[at + 1]),
    ];
  }

  index(head, query, knot) {
    return (head * this.header.queries + query) * this.header.knots + knot;
  }

  weight(head, query, knot) {
    return this.weights[this.index(head, query, knot)] * this.header.weight_scale;
  }

  bias(head, query, knot) {
    if (!this.biases) return null;
    return (
      this.biases[this.index(head, query, knot)] * this.header.bias_scale + this.header.bias_zero
    );
  }

  /** What an average query gives to each knot of a head. */
  importance(head) {
    if (!this.means.has(head)) {
      const { knots, queries, weight_scale: scale } = this.header;
      const mean = new Float64Array(knots);
      for (let query = 0; query < queries; query++) {
        for (let knot = 0; knot < knots; knot++)
          mean[knot] += this.weights[this.index(head, query, knot)];
      }
      this.means.set(
        head,
        mean.map((sum) => (sum * scale) / queries),
      );
    }
    return this.means.get(head);
  }

  /** Knots of the given heads with their weights for a query (or for all), heaviest first. */
  weighted(query, { heads, importance }) {
    const found = [];
    for (const head of heads) {
      for (let knot = 0; knot < this.header.knots; knot++) {
        const weight = importance ? this.importance(head)[knot] : this.weight(head, query, knot);
        found.push({ head, group: this.groupOf(head), knot, weight });
      }
    }
    return found.sort((a, b) => b.weight - a.weight);
  }

  /** Where a query's displacements start, normalised; the middle of its cell if it has none. */
  start(query) {
    if (this.starts) return [this.starts[2 * query], this.starts[2 * query + 1]];
    const [height, width] = this.header.query_hw;
    return [((query % width) + 0.5) / width, (Math.floor(query / width) + 0.5) / height];
  }

  /** Query minus knot as the position bias reads it: grid coordinates [x, y], 2 = the whole map. */
  displacement(query, [x, y]) {
    const [startX, startY] = this.start(query);
    const from = applyAffine(this.header.to_grid, startX, startY);
    const to = applyAffine(this.header.to_grid, x, y);
    return [from[0] - to[0], from[1] - to[1]];
  }

  /** The bias a knot at a normalised place would get, mean over heads; null without a surface. */
  surfaceAt(query, place, heads) {
    if (!this.surface || !heads.length) return null;
    const [height, width] = this.header.surface_hw;
    const [dx, dy] = this.displacement(query, place);
    const [x, y] = [((dx / 2 + 1) / 2) * (width - 1), ((dy / 2 + 1) / 2) * (height - 1)];
    const [column, row] = [Math.floor(x), Math.floor(y)];
    let sum = 0;
    for (const head of heads) {
      for (const [down, right] of CORNERS) {
        const [r, c] = [row + down, column + right];
        if (r < 0 || c < 0 || r >= height || c >= width) continue;
        sum +=
          (down ? y - row : 1 - y + row) *
          (right ? x - column : 1 - x + column) *
          this.surface[(head * height + r) * width + c];
      }
    }
    return sum / heads.length;
  }

  /**
   * Whether a normalised place is on the known object; null where none is known.
   * @param {number[]} place
   */
  onObject(place) {
    const [x, y] = place;
    if (!this.mask) return null;
    const [height, width] = this.header.mask_hw;
    const [column, row] = [Math.floor(x * width), Math.floor(y * height)];
    return (
      row >= 0 &&
      column >= 0 &&
      row < height &&
      column < width &&
      this.mask[row * width + column] === 1
    );
  }

  /** Share of the given knots' weight that is read on the object, or null. */
  objectShare(knots) {
    if (!this.mask || !knots.length) return null;
    let [on, all] = [0, 0];
    for (const { group, knot, weight } of knots) {
      all += weight;
      if (this.onObject(this.place(group, knot, 1))) on += weight;
    }
    return all ? on / all : 0;
  }
}

function area(shape) {
  return shape ? shape[0] * shape[1] : 0;
}

/** A grid from bytes that are not zipped. */
export const decodeGrid = (buffer) => new PackedGrid(buffer);
