// The packed layers of one run on one picture, fetched once, the ones on show first.
import { fetchTrace } from "../kit/packed.js";
import { softLog } from "./soft_log.js";

const LAYERS_KEPT = 120;
const AT_ONCE = 4;

export class FrameStore {
  /** `changed()` is called whenever a layer, read by `decode`, has arrived or failed. */
  constructor(manifest, decode, changed) {
    this.decode = decode;
    this.changed = changed;
    this.picture = null; // what its snapshots look at
    this.layers = new Map(); // "iteration/layer" -> PackedLayer, most recently used last
    this.waiting = new Map(); // "iteration/layer" -> Promise
    this.queue = [];
    this.problem = "";
    this.update(manifest);
  }

  /** A run that goes on has more snapshots each time. */
  update(manifest) {
    this.manifest = manifest;
  }

  get iterations() {
    return this.manifest.iterations;
  }

  /** The layer that answers to a name: itself, else (a smaller model) the last of its kind, or "". */
  ownName(name) {
    const { layers } = this.manifest;
    if (layers.includes(name)) return name;
    return layers.filter((own) => own.split(".")[0] === name.split(".")[0]).at(-1) ?? "";
  }

  /** The layer if it is here; otherwise it is fetched next. */
  layer(iteration, name) {
    if (!this.ownName(name)) return null;
    const key = `${iteration}/${this.ownName(name)}`;
    const found = this.layers.get(key);
    if (found) {
      this.layers.delete(key);
      this.layers.set(key, found);
      return found;
    }
    this.fetch(key);
    return null;
  }

  /** Fetch a layer of every snapshot, nearest to the one on show first. */
  prefetch(name, around) {
    const order = this.iterations.map((iteration, index) => [Math.abs(index - around), iteration]);
    order.sort((a, b) => a[0] - b[0]);
    const own = this.ownName(name);
    this.queue = own ? order.map(([, iteration]) => `${iteration}/${own}`) : [];
    this.next();
  }

  next() {
    while (this.waiting.size < AT_ONCE && this.queue.length) {
      const key = this.queue.shift();
      if (!this.layers.has(key)) this.fetch(key);
    }
  }

  fetch(key) {
    if (this.waiting.has(key) || this.problem) return;
    const load = fetchTrace(`${this.manifest.address}/${key}.bin`, this.decode)
      .then((layer) => {
        this.layers.set(key, layer);
        if (this.layers.size > LAYERS_KEPT) this.layers.delete(this.layers.keys().next().value);
      })
      .catch((error) => {
        this.problem = error.message;
      })
      .finally(() => {
        this.waiting.delete(key);
        this.changed();
        this.next();
      });
    this.waiting.set(key, load);
  }

  /** Index of the snapshot nearest to an iteration, as the curves' axis measures it. */
  nearest(iteration) {
    const away = this.iterations.map((known) => Math.abs(softLog(known) - softLog(iteration)));
    return away.indexOf(Math.min(...away));
  }
}
