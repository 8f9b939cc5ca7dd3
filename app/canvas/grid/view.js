// What the visitor chose about a grid: the part of the state that a link carries.
import { hundredths, numbersBelow, wholeNumber, yesOrNo } from "../kit/view.js";

const SWITCHES = [
  "pinned",
  "importance",
  "arrows",
  "mesh",
  "lines",
  "surface",
  "object",
  "split",
  "padding",
];

/** At first one group's grid: several over each other are hard to read. */
function usual(layer) {
  const { header } = layer;
  return {
    query: header.start_query,
    pinned: false,
    heads: layer.headsOf(header.start_group),
    slide: 1,
    importance: false,
    arrows: true,
    mesh: true,
    lines: true,
    top: 6,
    surface: false,
    object: false,
    split: false,
    padding: false,
    dim: 0.45,
  };
}

/** @type {import("../kit/view.js").ViewCodec} */
export const GRID_VIEW = {
  parameters: {
    query: "q",
    pinned: "pin",
    heads: "heads",
    slide: "slide",
    importance: "all",
    arrows: "arrows",
    mesh: "mesh",
    lines: "lines",
    top: "top",
    surface: "bias",
    object: "object",
    split: "split",
    padding: "pad",
    dim: "dim",
  },
  usual,
  readers: (layer) => ({
    query: wholeNumber(layer.header.queries, "query"),
    heads: numbersBelow(layer.header.heads, "head"),
    top: wholeNumber(layer.header.knots + 1, "top"),
    slide: hundredths(1, "slide"),
    dim: hundredths(1, "dim"),
    ...Object.fromEntries(SWITCHES.map((name) => [name, yesOrNo])),
  }),
};
