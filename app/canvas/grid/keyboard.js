// Keys of a deformed grid, and what its signs mean; help prints both.
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
export const GRID_KEYS = [
  arrowKeys("move the query"),
  pinKey("pin the query, or let the pointer preview others"),
  {
    keys: [" "],
    show: "Space",
    does: "play the deformation, or undo it",
    stageOnly: true,
    run: (explorer) => explorer.play(),
  },
  pointKeys("step through the knots by weight"),
  HEAD_KEYS,
  {
    keys: ["g"],
    show: "G",
    does: "next group of heads, then all",
    run: (explorer) => explorer.nextGroup(),
  },
  {
    keys: ["i"],
    show: "I",
    does: "importance: attention averaged over all queries",
    run: flip("importance"),
  },
  {
    keys: ["b"],
    show: "B",
    does: "the position bias as a surface",
    run: (explorer) => explorer.layer.surface && flip("surface")(explorer),
  },
  { keys: ["s"], show: "S", does: "regular and deformed grid side by side", run: flip("split") },
  {
    keys: ["o"],
    show: "O",
    does: "outline of the object, where it is known",
    run: (explorer) => explorer.layer.mask && flip("object")(explorer),
  },
  LAYER_KEYS,
  resetKey("everything as at first, let the query go"),
  HELP_KEY,
];

/** @type {[string, string][]} */
export const GRID_SIGNS = [
  ["mesh", "the grid of one group of heads: its knots are the only places these heads can read"],
  ["small dots, dashed arrows", "where each knot would lie undeformed, and how far it moved"],
  [
    "disc",
    "a knot; colour: the head, area: its attention weight. The weights of a head sum to 1 over all knots",
  ],
  ["lines", "from the query to its heaviest knots"],
  ["white cross", "where the query's displacements start, as the position bias counts them"],
  ["hollow disc at the edge", "a knot beyond the map: it reads zeros"],
  [
    "surface",
    "what the position bias would add for a knot at that place, mean over the shown heads",
  ],
];
