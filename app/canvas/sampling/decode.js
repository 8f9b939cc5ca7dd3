// One packed layer of sampling points in memory. The bytes: deformviz/tracing/packing.py.
import { arrayTaker, readHeader } from "../kit/packed.js";

/** Points of each level; stored files from before levels could differ say one number for all. */
function pointsPerLevel({ points_per_level: each, points, levels }) {
  return each ?? levels.map(() => points);
}

export class PackedLayer {
  /** @param {ArrayBuffer} buffer not zipped */
  constructor(buffer) {
    const { header, start } = readHeader(buffer, ["encoder", "decoder"]);
    /** @type {import("../kit/headers.js").LayerHeader} */
    this.header = header;
    this.buffer = buffer;
    /** @type {[number, number][]} height and width of each level */
    this.levels = header.levels;
    /** @type {number[]} */
    this.pointsPerLevel = pointsPerLevel(header);
    this.firstPoint = []; // of each level, among the samples of a head
    this.samplesPerHead = 0;
    for (const points of this.pointsPerLevel) {
      this.firstPoint.push(this.samplesPerHead);
      this.samplesPerHead += points;
    }
    this.samplesPerQuery = header.heads * this.samplesPerHead;
    const samples = header.queries * this.samplesPerQuery;
    const take = arrayTaker(buffer, start);
    /** @type {Uint16Array} */
    this.locations = take(Uint16Array, 2 * samples);
    /** @type {Uint16Array} */
    this.weights = take(Uint16Array, samples);
    this.referenceWidth = header.references === "boxes" ? 4 : 2;
    const floats = start + Math.ceil((6 * samples) / 4) * 4;
    this.references = new Float32Array(
      buffer,
      floats,
      header.queries * header.levels.length * this.referenceWidth,
    );
  }

  get isEncoder() {
    return this.header.kind === "encoder";
  }

  /** Index of a sample in `weights`; twice that in `locations`. */
  sampleIndex(query, head, level, point) {
    return (
      query * this.samplesPerQuery + head * this.samplesPerHead + this.firstPoint[level] + point
    );
  }

  /** Where a sample falls and what it weighs: normalised x, y; weight 0 to 1. */
  sample(query, head, level, point) {
    const index = this.sampleIndex(query, head, level, point);
    const { location_scale: scale, location_zero: zero, weight_scale: weightScale } = this.header;
    return {
      query,
      head,
      level,
      point,
      x: this.locations[2 * index] * scale[0] + zero[0],
      y: this.locations[2 * index + 1] * scale[1] + zero[1],
      weight: this.weights[index] * weightScale,
    };
  }

  /** Reference of a query on a level: normalised x, y; width and height where it is a box. */
  reference(query, level = 0) {
    const at = (query * this.levels.length + level) * this.referenceWidth;
    const [x, y, width = null, height = null] = this.references.subarray(
      at,
      at + this.referenceWidth,
    );
    return { x, y, width, height };
  }

  /** The strongest samples of a query among visible heads and levels, best first. */
  strongest(query, { heads, levels, top }) {
    const found = [];
    for (const head of heads) {
      for (const level of levels) {
        for (let point = 0; point < this.pointsPerLevel[level]; point++) {
          found.push(this.sample(query, head, level, point));
        }
      }
    }
    found.sort((a, b) => b.weight - a.weight);
    return top ? found.slice(0, top) : found;
  }
}

/** A layer from bytes that are not zipped. */
export const decodeLayer = (buffer) => new PackedLayer(buffer);
