// What runs a model, seen from the page: one picture at a time, and of those that wait the newest.
import { say } from "../kit/words.js";

// One function that returns a vector of zeros: (func (result v128) (i8x16.splat (i32.const 0))).
const TYPES = [1, 5, 1, 96, 0, 1, 123];
const FUNCTIONS = [3, 2, 1, 0];
const CODE = [10, 8, 1, 6, 0, 65, 0, 253, 15, 11];
const WITH_VECTORS = [0, 97, 115, 109, 1, 0, 0, 0, ...TYPES, ...FUNCTIONS, ...CODE];

/** Whether this browser has what models need; a sentence where it has not. */
export function lacks() {
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(Uint8Array.from(WITH_VECTORS)))
    return say("live.no_simd");
  if (typeof Worker === "undefined") return say("live.no_worker");
  return "";
}

const at = (address) => new URL(address, document.baseURI).href;

/** The ways to run a model that this browser offers, best first. */
async function offered(runtimes) {
  const gpu = /** @type {any} */ (navigator).gpu;
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return runtimes.filter(({ name }) => name !== "webgpu" || adapter);
}

/**
 * @typedef {object} Answer
 * @property {any} given what was looked at
 * @property {Record<string, { shape: number[], numbers: Float32Array }>} outputs
 * @property {number} ms what the model took
 */

export class Engine {
  /**
   * @param {any[]} runtimes ways to run a model, best first: names, and addresses of files
   * @param {{ progress: (done: number, all: number) => void, starting: () => void,
   *   ready: (ms: number) => void, answer: (answer: Answer) => void,
   *   problem: (sentence: string, during: string) => void }} tell
   */
  constructor(runtimes, tell) {
    this.runtimes = runtimes.map((one) => ({ ...one, script: at(one.script), wasm: at(one.wasm) }));
    this.tell = tell;
    this.ways = []; // that are left to be tried
    this.way = null; // that runs the model
    this.threads = 1;
    this.asked = 0;
    /** @type {Worker | null} */
    this.worker = null;
    this.waiting = null; // the newest picture nobody has looked at
    this.close();
  }

  /** Fetch a model and start it; what was asked of another is forgotten. */
  async open(model) {
    this.close();
    this.waiting = null;
    const asked = ++this.asked;
    const ways = await offered(this.runtimes);
    if (asked !== this.asked) return;
    this.model = { ...model, address: at(model.address) };
    this.ways = ways;
    this.start();
  }

  /** Start the model by the best way that is left. */
  start() {
    [this.way, ...this.ways] = this.ways;
    const address = new URL("./live.worker.js", import.meta.url);
    const worker = new Worker(address, { type: "module" });
    this.worker = worker;
    worker.onmessage = ({ data }) => worker === this.worker && this.heard(data);
    worker.onerror = (event) => {
      event.preventDefault?.();
      if (worker !== this.worker) return;
      this.fail(say("live.no_start", { problem: event.message || say("live.no_script") }), "open");
    };
    this.from = performance.now();
    worker.postMessage({ asked: "open", model: this.model, runtime: this.way });
  }

  /**
   * Look at a picture: { pixels, .. }; or have the decoder go on from a layer: { tail, arrays, .. }.
   * What was given comes back with the answer.
   */
  look(given) {
    this.waiting = given;
    this.next();
  }

  next() {
    if (!this.isReady || this.present || !this.waiting) return;
    [this.present, this.waiting] = [this.waiting, null];
    this.count += 1;
    const { pixels, tail, arrays } = this.present;
    this.worker.postMessage({
      asked: "look",
      id: this.count,
      pixels,
      tail: tail && { ...tail, address: at(tail.address) },
      arrays,
    });
  }

  heard(data) {
    if (data.told === "progress") this.tell.progress(data.done, data.all);
    if (data.told === "starting") this.tell.starting();
    if (data.told === "ready") {
      this.isReady = true;
      this.threads = data.threads;
      this.tell.ready(performance.now() - this.from);
      this.next();
    }
    if (data.told === "answer") {
      const given = this.present;
      this.present = null;
      this.tell.answer({ given, outputs: data.outputs, ms: data.ms });
      this.next();
    }
    if (data.told === "problem") this.fail(say(data.key, data.values), data.during);
  }

  /**
   * A model that did not start is tried by the next way, or let go; a picture that had no answer is
   * passed over.
   */
  fail(sentence, during) {
    this.present = null;
    if (during === "open") {
      this.close();
      if (this.ways.length) {
        this.start();
        return;
      }
    }
    this.tell.problem(sentence, during);
    this.next();
  }

  close() {
    this.worker?.terminate();
    this.worker = null;
    this.isReady = false;
    this.present = null; // what is being looked at
    this.count = 0;
  }
}
