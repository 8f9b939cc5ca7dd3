// Key sets of one picture in memory. The bytes are described in deformviz/analysis/key_sets_store.py.
import { unzipped } from "../../explorer/canvas/packed.js";

const KEYS_VERSION = 1;

export class KeySets {
  constructor(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    if (header.v !== KEYS_VERSION || header.kind !== "key-sets") {
      throw new Error(
        `This trace is a ${header.kind} of version ${header.v}, expected key sets of version ${KEYS_VERSION}.`,
      );
    }
    Object.assign(this, { buffer, header, levels: header.levels });
    let at = 4 + length;
    const take = (Kind, count) => {
      const array = new Kind(buffer, at, count);
      at += array.byteLength;
      return array;
    };
    this.sets = header.sets.map((set) => ({
      ...set,
      places: take(Float32Array, 2 * set.keys * (set.shared ? 1 : header.queries)),
    }));
    for (const set of this.sets)
      set.weights = set.weight_scale === null ? null : take(Uint16Array, set.keys * header.queries);
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

export async function decodeKeySets(buffer) {
  return new KeySets(await unzipped(buffer));
}
