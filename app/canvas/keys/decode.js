// Key sets of one picture in memory. The bytes are described in deformviz/analysis/key_sets_store.py.
import { arrayTaker, readHeader } from "../kit/packed.js";
import { known, say } from "../kit/words.js";

/** What a file says in English, in the page's language where its words are known. */
const inWords = (key, told, values = {}) => (key in known() ? say(key, values) : told);

export class KeySets {
  /** @param {ArrayBuffer} buffer not zipped */
  constructor(buffer) {
    const { header, start } = readHeader(buffer, ["key-sets"]);
    /** @type {import("../kit/headers.js").KeySetsHeader} */
    this.header = header;
    this.buffer = buffer;
    /** @type {[number, number][]} */
    this.levels = header.levels;
    const take = arrayTaker(buffer, start);
    this.sets = header.sets.map((set) => ({
      ...set,
      title: inWords(`canvas.keys.set.${set.name}`, set.title),
      honesty: inWords(`canvas.keys.honesty.${set.name}`, set.honesty, {
        of: set.honesty.split(", ")[1],
      }),
      places: take(Float32Array, 2 * set.keys * (set.shared ? 1 : header.queries)),
      weights: null,
    }));
    for (const set of this.sets)
      set.weights = take(Uint16Array, set.keys * header.queries, set.weight_scale !== null);
  }

  get isEncoder() {
    return true;
  }

  /** What a query may read under a set: normalised places, head and weight (null if untrained). */
  keys(set, query) {
    const first = set.shared ? 0 : query * set.keys;
    const found = [];
    for (let key = 0; key < set.keys; key++) {
      const [x, y] = set.places.subarray(2 * (first + key), 2 * (first + key) + 2);
      if (Number.isNaN(x)) continue;
      const weight = set.weights && set.weights[query * set.keys + key] * set.weight_scale;
      found.push({ x, y, weight, head: Math.floor(key / set.per_head) });
    }
    return found;
  }
}

/** Key sets from bytes that are not zipped. */
export const decodeKeySets = (buffer) => new KeySets(buffer);
