// Keys of sampling points, and what their signs mean; help prints both.
import {
  HEAD_KEYS,
  HELP_KEY,
  LAYER_KEYS,
  arrowKeys,
  flip,
  pinKey,
  pointKeys,
  resetKey,
} from "../kit/keyboard.js";

/** @type {import("../kit/keyboard.js").KeyAction[]} */
export const SAMPLING_KEYS = [
  arrowKeys("move the query (or the looked-up cell)"),
  pinKey("pin the query, or let the pointer preview others"),
  pointKeys("step through the points by weight"),
  HEAD_KEYS,
  LAYER_KEYS,
  {
    keys: ["l"],
    show: "L",
    does: "grid level: whose cells are queries, mass and look-up",
    run: (explorer) => explorer.setLevel((explorer.view.level + 1) % explorer.layer.levels.length),
  },
  { keys: ["m"], show: "M", does: "sampling mass of all queries", run: flip("mass") },
  {
    keys: ["r"],
    show: "R",
    does: "reverse look-up: who reads this place?",
    run: (explorer) => explorer.toggleReverse(),
  },
  {
    keys: ["z"],
    show: "Z",
    does: "enlarge around the query: 2, 4, 1 times",
    run: (explorer) => explorer.cycleZoom(),
  },
  resetKey("show everything again, let the query go"),
  HELP_KEY,
];

/** @type {[string, string][]} */
export const SAMPLING_SIGNS = [
  ["colour", "the head; heavy points also carry its number"],
  ["shape", "the level: ● 0, ■ 1, ◆ 2, ▲ 3, ⬟ 4"],
  ["area", "the attention weight; the weights of one head sum to 1 over its levels and points"],
  ["white cross", "the reference point; a dashed box where the reference is a box"],
  ["arrow at the edge", "a point beyond what is shown, in the direction of the arrow"],
  ["outlined cells", "the four cells a value is blended from; whiter means a larger share"],
  [
    "sampling mass",
    "attention weight times bilinear share, summed over all queries. It says where the " +
      "layer samples, not what the model finds important",
  ],
];
