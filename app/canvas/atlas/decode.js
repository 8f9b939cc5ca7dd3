// A head atlas in memory. The bytes are described in deformviz/survey/atlas.py.
import { arrayTaker, readHeader } from "../kit/packed.js";

/**
 * One layer of a study.
 * @typedef {object} AtlasLayer
 * @property {string} name
 * @property {number} heads
 * @property {number} levels
 * @property {boolean} boxed offsets are told in half sides of the box, else in cells
 * @property {number} reach of a map on either side
 * @property {number} first number of its first head among all
 */

export class Atlas {
  /** @param {ArrayBuffer} buffer not zipped */
  constructor(buffer) {
    const { header, start } = readHeader(buffer, ["head-atlas"]);
    this.header = header;
    this.buffer = buffer;
    /** @type {[number, number][]} */
    this.levels = header.levels;
    this.cells = header.bins * header.bins;
    const take = arrayTaker(buffer, start);
    this.maps = header.layers.map(({ heads, levels }) =>
      take(Uint16Array, heads * levels * this.cells),
    );
    this.painted = new Map();
  }

  /** The layer and head of a number, which counts heads through all layers. */
  head(query) {
    const { layers } = this.header;
    const place = layers.findLastIndex(({ first }) => first <= query);
    return { place, layer: layers[place], head: query - layers[place].first };
  }

  /**
   * Share of the head's weight in every cell of its map, row by row.
   * @param {number | null} level null: all of them together
   */
  shares(query, level) {
    const { place, layer, head } = this.head(query);
    const scale = this.header.scales[query];
    const shares = new Float64Array(this.cells);
    for (let at = 0; at < layer.levels; at++) {
      if (level !== null && at !== level) continue;
      const from = (head * layer.levels + at) * this.cells;
      for (let cell = 0; cell < this.cells; cell++)
        shares[cell] += scale * this.maps[place][from + cell];
    }
    return shares;
  }

  /** What is painted of a head: roots of shares of its heaviest cell; kept, as painters keep them. */
  amounts(query, level) {
    const key = `${query} ${level}`;
    if (!this.painted.has(key)) {
      const shares = this.shares(query, level);
      const most = Math.max(...shares) || 1;
      this.painted.set(
        key,
        shares.map((share) => Math.sqrt(share / most)),
      );
    }
    return this.painted.get(key);
  }
}

/** An atlas from bytes that are not zipped. */
export const decodeAtlas = (buffer) => new Atlas(buffer);
