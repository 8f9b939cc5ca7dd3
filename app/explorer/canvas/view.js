// What the visitor chose: the part of the state that a link carries.

export const COLOUR_MODES = ["head", "level", "weight", "outside"];

/** Names in the address; those that equal the default are left out. */
const PARAMETERS = {
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
};
export const ZOOMS = [1, 2, 4];

export function defaultView(layer) {
  const { header } = layer;
  const range = (count) => Array.from({ length: count }, (_, index) => index);
  return {
    query: header.start_query,
    pinned: false,
    level: Math.min(1, layer.levels.length - 1),
    heads: range(header.heads),
    levels: range(layer.levels.length),
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
  };
}

export const wholeNumber = (below, name) => (value) => {
  const number = Number(value);
  if (value === "" || !Number.isInteger(number) || number < 0 || number >= below) {
    throw new Error(`${name} ${value} is not one of 0 to ${below - 1}`);
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
    throw new Error(`${value} is neither 1 nor 0`);
  }
  return [true, "1", "true", 1].includes(value);
};

function place(value) {
  const numbers = (Array.isArray(value) ? value : String(value).split(",")).map(Number);
  if (numbers.length !== 2 || !numbers.every((number) => number >= 0 && number <= 1)) {
    throw new Error(`the place ${value} is not x,y with both between 0 and 1`);
  }
  return numbers;
}

function readers(layer) {
  const { queries, heads } = layer.header;
  return {
    query: wholeNumber(queries, "query"),
    level: wholeNumber(layer.levels.length, "level"),
    heads: numbersBelow(heads, "head"),
    levels: numbersBelow(layer.levels.length, "level"),
    top: wholeNumber(layer.samplesPerQuery + 1, "top"),
    dim: (value) => wholeNumber(91, "dim")(Math.round(Number(value) * (value > 1 ? 1 : 100))) / 100,
    colour: (value) => {
      if (!COLOUR_MODES.includes(value)) throw new Error(`colour ${value} is unknown`);
      return value;
    },
    lookup: place,
    centre: place,
    zoom: (value) => {
      if (!ZOOMS.includes(Number(value)))
        throw new Error(`zoom ${value} is not one of ${ZOOMS.join(", ")}`);
      return Number(value);
    },
    ...Object.fromEntries(
      ["pinned", "mass", "padding", "lines", "all", "reverse"].map((name) => [name, yesOrNo]),
    ),
  };
}

/** What the view of sampling points consists of; a deformed grid has another one. */
const SAMPLING_VIEW = { parameters: PARAMETERS, usual: defaultView, readers };

/**
 * A view from what a link or Python gave, under long or short names, as text or typed.
 * What does not fit this layer falls back to the default; `notes` says so in words.
 */
export function readView(raw, layer, kind = SAMPLING_VIEW) {
  const view = kind.usual(layer);
  const notes = [];
  const read = kind.readers(layer);
  for (const [name, short] of Object.entries(kind.parameters)) {
    const value = raw?.[name] ?? raw?.[short];
    if (value === undefined || value === null) continue;
    try {
      view[name] = read[name](value);
    } catch (error) {
      notes.push(`The link's "${short}" was ignored: ${error.message}.`);
    }
  }
  return { view, notes };
}

/** The view as parameters of an address, without those at their default. */
export function viewParameters(view, layer, kind = SAMPLING_VIEW) {
  const plain = (value) => {
    if (Array.isArray(value))
      return value.map((n) => (Number.isInteger(n) ? n : n.toFixed(4))).join(",");
    return typeof value === "boolean" ? String(Number(value)) : String(value);
  };
  const usual = kind.usual(layer);
  const parameters = {};
  for (const [name, short] of Object.entries(kind.parameters)) {
    const given = view[name] === null ? null : plain(view[name]);
    const unchanged =
      name !== "query" && given === (usual[name] === null ? null : plain(usual[name]));
    if (!unchanged) parameters[short] = given;
  }
  return parameters;
}

/** The address of this very view: the page's own, with the view's parameters put in place. */
export function viewAddress(href, view, layer, kind = SAMPLING_VIEW) {
  const address = new URL(href);
  for (const short of Object.values(kind.parameters)) address.searchParams.delete(short);
  for (const [short, value] of Object.entries(viewParameters(view, layer, kind))) {
    address.searchParams.set(short, value);
  }
  return address.href;
}

/** Fit a view to another layer: what no longer exists there returns to its default. */
export function carryView(view, from, to) {
  const fitted = readView(view, to).view;
  const sameQueries =
    from.header.kind === to.header.kind && from.header.queries === to.header.queries;
  if (!sameQueries) Object.assign(fitted, { query: to.header.start_query, pinned: false });
  for (const [name, count] of [
    ["heads", to.header.heads],
    ["levels", to.levels.length],
  ]) {
    const before = name === "heads" ? from.header.heads : from.levels.length;
    if (before !== count) fitted[name] = defaultView(to)[name];
  }
  return fitted;
}
