// What the visitor chose: the part of the state that a link carries. Each picture has its own codec.
import { say } from "./words.js";

/**
 * @typedef {object} ViewCodec
 * @property {Record<string, string>} parameters name of a choice -> its name in the address
 * @property {(layer: any) => Record<string, any>} usual the view at first
 * @property {(layer: any) => Record<string, (value: any) => any>} readers throw what does not fit
 */

export const countTo = (count) => Array.from({ length: count }, (_, index) => index);

export const wholeNumber = (below, name) => (value) => {
  const number = Number(value);
  if (value === "" || !Number.isInteger(number) || number < 0 || number >= below) {
    throw new Error(say("canvas.kit.note.not_one_of", { name, value, last: below - 1 }));
  }
  return number;
};

export const numbersBelow = (below, name) => (value) => {
  const parts = Array.isArray(value)
    ? value
    : String(value)
        .split(/[\s,.-]+/)
        .filter(Boolean);
  return [...new Set(parts.map(wholeNumber(below, name)))].sort((a, b) => a - b);
};

export const yesOrNo = (value) => {
  if (![true, false, "1", "0", "true", "false", 1, 0].includes(value)) {
    throw new Error(say("canvas.kit.note.not_a_switch", { value }));
  }
  return [true, "1", "true", 1].includes(value);
};

/** A share between 0 and `most`, in steps of a hundredth. */
export const hundredths = (most, name) => {
  const whole = wholeNumber(Math.round(100 * most) + 1, name);
  return (value) => whole(Math.round(100 * Number(value))) / 100;
};

/**
 * A view from what a link or Python gave, under long or short names, as text or typed.
 * What does not fit this layer falls back to the default; `notes` says so in words.
 * @param {ViewCodec} codec
 */
export function readView(raw, layer, codec) {
  const view = codec.usual(layer);
  const notes = [];
  const read = codec.readers(layer);
  for (const [name, short] of Object.entries(codec.parameters)) {
    const value = raw?.[name] ?? raw?.[short];
    if (value === undefined || value === null) continue;
    try {
      view[name] = read[name](value);
    } catch (error) {
      notes.push(say("canvas.kit.note.ignored", { name: short, problem: error.message }));
    }
  }
  return { view, notes };
}

/**
 * The view as parameters of an address, without those at their default.
 * @param {ViewCodec} codec
 */
export function viewParameters(view, layer, codec) {
  const plain = (value) => {
    if (Array.isArray(value))
      return value.map((n) => (Number.isInteger(n) ? n : n.toFixed(4))).join(",");
    return typeof value === "boolean" ? String(Number(value)) : String(value);
  };
  const usual = codec.usual(layer);
  const parameters = {};
  for (const [name, short] of Object.entries(codec.parameters)) {
    const given = view[name] === null ? null : plain(view[name]);
    const unchanged =
      name !== "query" && given === (usual[name] === null ? null : plain(usual[name]));
    if (!unchanged) parameters[short] = given;
  }
  return parameters;
}

/**
 * The address of this very view: the page's own, with the view's parameters put in place.
 * @param {ViewCodec} codec
 */
export function viewAddress(href, view, layer, codec) {
  const address = new URL(href);
  for (const short of Object.values(codec.parameters)) address.searchParams.delete(short);
  for (const [short, value] of Object.entries(viewParameters(view, layer, codec))) {
    address.searchParams.set(short, value);
  }
  return address.href;
}

/**
 * The view of a layer of which every picture shows the same query.
 * @type {ViewCodec}
 */
export const ONE_QUERY_VIEW = {
  parameters: { query: "q", pinned: "pin", dim: "dim" },
  usual: (layer) => ({ query: layer.header.start_query, pinned: false, heads: [], dim: 0.45 }),
  readers: (layer) => ({
    query: wholeNumber(layer.header.queries, "query"),
    pinned: yesOrNo,
    dim: hundredths(0.9, "dim"),
  }),
};
