// The worker that runs a model: fetches it and what runs it, then answers one picture after another.
// It knows no words: a problem goes out as the key of a sentence with its values.

export {}; // a module, whose names are its own

const INPUT = "pixels";
const MOST_THREADS = 4;

const page = /** @type {any} */ (self);
let ort = null;
let session = null;
let inputHw = null;
let options = null; // of sessions
const tails = new Map(); // layer -> session of the decoder from there on

class Problem extends Error {
  /** @param {string} key of a sentence */
  constructor(key, values = {}) {
    super(key);
    this.key = key;
    this.values = values;
  }
}

/** The bytes of a file, counted on their way; fewer than there should be were cut off. */
async function fetched(address, bytes, count) {
  const answer = await fetch(address).catch(() => {
    throw new Problem("live.unreachable");
  });
  if (!answer.ok) throw new Problem("live.missing", { status: answer.status });
  const whole = new Uint8Array(bytes);
  const reader = answer.body.getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new Problem("live.interrupted");
    });
    if (done) break;
    if (at + value.length > bytes) throw new Problem("live.interrupted");
    whole.set(value, at);
    at += value.length;
    count(value.length);
  }
  if (at !== bytes) throw new Problem("live.interrupted");
  return whole;
}

async function open({ model, runtime }) {
  const all = model.bytes + runtime.bytes;
  let sum = 0;
  const count = (bytes) => {
    sum += bytes;
    page.postMessage({ told: "progress", done: sum, all });
  };
  const [graph, program] = await Promise.all([
    fetched(model.address, model.bytes, count),
    fetched(runtime.wasm, runtime.bytes, count),
  ]);
  page.postMessage({ told: "starting" });
  try {
    ort = await import(runtime.script);
    const threads = self.crossOriginIsolated ? navigator.hardwareConcurrency || 1 : 1;
    ort.env.wasm.numThreads = Math.min(MOST_THREADS, threads);
    ort.env.wasm.wasmBinary = program.buffer;
    options = { executionProviders: [runtime.name] };
    session = await ort.InferenceSession.create(graph, options);
  } catch (problem) {
    throw new Problem("live.no_start", { problem: problem.message });
  }
  inputHw = model.input_hw;
  page.postMessage({ told: "ready", threads: ort.env.wasm.numThreads });
}

/** The graph of a tail, fetched when it is first asked. */
async function tailOf({ layer, address, bytes }) {
  if (!tails.has(layer)) {
    const graph = await fetched(address, bytes, () => {});
    tails.set(layer, await ort.InferenceSession.create(graph, options));
  }
  return tails.get(layer);
}

/**
 * Answer a picture; or, with a tail, what the decoder says when one of its layers reads elsewhere.
 * @param {{ id: number, pixels?: Float32Array, tail?: any,
 *   arrays?: Record<string, { shape: number[], numbers: Float32Array }> }} asked
 */
async function look({ id, pixels, tail, arrays }) {
  const asked = tail ? await tailOf(tail) : session;
  const from = performance.now();
  const given = tail ? arrays : { [INPUT]: { shape: [3, ...inputHw], numbers: pixels } };
  const tensors = Object.entries(given).map(([name, { shape, numbers }]) => [
    name,
    new ort.Tensor("float32", numbers, shape),
  ]);
  const found = await asked.run(Object.fromEntries(tensors));
  const outputs = {};
  for (const [name, tensor] of Object.entries(found)) {
    outputs[name] = { shape: [...tensor.dims], numbers: Float32Array.from(tensor.data) };
    tensor.dispose();
  }
  const ms = performance.now() - from;
  const buffers = Object.values(outputs).map(({ numbers }) => numbers.buffer);
  page.postMessage({ told: "answer", id, ms, outputs }, buffers);
}

const ASKED = { open, look };

page.onmessage = async ({ data }) => {
  try {
    await ASKED[data.asked](data);
  } catch (problem) {
    const { key = "live.no_answer", values = { problem: problem.message } } = problem;
    page.postMessage({ told: "problem", during: data.asked, id: data.id, key, values });
  }
};
