// What the visitor chose of sampling points.
import { countTo, numbersBelow, readView, wholeNumber, yesOrNo } from "../kit/view.js";
import { say } from "../kit/words.js";

export const COLOUR_MODES = ["head", "level", "weight", "outside"];
export const ZOOMS = [1, 2, 4];
const SWITCHES = ["pinned", "mass", "padding", "lines", "all", "reverse", "moved"];

export function defaultView(layer) {
  const { header } = layer;
  return {
    query: header.start_query,
    pinned: false,
    level: Math.min(1, layer.levels.length - 1),
    heads: countTo(header.heads),
    levels: countTo(layer.levels.length),
    colour: "head",
    top: 0,
    mass: false,
    dim: 0.35,
    padding: false,
    lines: true,
    all: false,
    reverse: false,
    lookup: null,
    zoom: 1,
    centre: null,
    moved: true,
  };
}

export const FEW = 3; // points of the first look

/** What a first look shows of a query: one head, the level it reads most, its heaviest points. */
export function calmView(layer, query, head = 0) {
  const [heaviest] = layer.strongest(query, { ...defaultView(layer), heads: [head] });
  return { heads: [head], levels: [heaviest.level], top: FEW };
}

function place(value) {
  const numbers = (Array.isArray(value) ? value : String(value).split(",")).map(Number);
  if (numbers.length !== 2 || !numbers.every((number) => number >= 0 && number <= 1)) {
    throw new Error(say("canvas.sampling.note.place", { value }));
  }
  return numbers;
}

/** @type {import("../kit/view.js").ViewCodec} */
export const SAMPLING_VIEW = {
  parameters: {
    query: "q",
    pinned: "pin",
    level: "grid",
    heads: "heads",
    levels: "levels",
    colour: "colour",
    top: "top",
    mass: "mass",
    dim: "dim",
    padding: "pad",
    lines: "lines",
    all: "all",
    reverse: "reverse",
    lookup: "at",
    zoom: "zoom",
    centre: "centre",
    moved: "moved",
  },
  usual: defaultView,
  readers: (layer) => ({
    query: wholeNumber(layer.header.queries, "query"),
    level: wholeNumber(layer.levels.length, "level"),
    heads: numbersBelow(layer.header.heads, "head"),
    levels: numbersBelow(layer.levels.length, "level"),
    top: wholeNumber(layer.samplesPerQuery + 1, "top"),
    dim: (value) => wholeNumber(91, "dim")(Math.round(Number(value) * (value > 1 ? 1 : 100))) / 100,
    colour: (value) => {
      if (!COLOUR_MODES.includes(value))
        throw new Error(say("canvas.sampling.note.colour", { value }));
      return value;
    },
    lookup: place,
    centre: place,
    zoom: (value) => {
      if (!ZOOMS.includes(Number(value)))
        throw new Error(say("canvas.sampling.note.zoom", { value, known: ZOOMS.join(", ") }));
      return Number(value);
    },
    ...Object.fromEntries(SWITCHES.map((name) => [name, yesOrNo])),
  }),
};

/** Fit a view to another layer: what no longer exists there returns to its default. */
export function carryView(view, from, to) {
  const fitted = readView(view, to, SAMPLING_VIEW).view;
  const sameQueries =
    from.header.kind === to.header.kind && from.header.queries === to.header.queries;
  if (!sameQueries) Object.assign(fitted, { query: to.header.start_query, pinned: false });
  if (from.header.heads !== to.header.heads) fitted.heads = defaultView(to).heads;
  if (from.levels.length !== to.levels.length) fitted.levels = defaultView(to).levels;
  return fitted;
}
