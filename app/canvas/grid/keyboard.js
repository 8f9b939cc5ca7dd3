// Keys of a deformed grid, and what its signs mean; help prints both.
import {
  HEAD_KEYS,
  HELP_KEY,
  LAYER_KEYS,
  arrowKeys,
  flip,
  letterKey,
  pinKey,
  pointKeys,
  resetKey,
} from "../kit/keyboard.js";
import { signOf } from "../kit/words.js";

/** @type {import("../kit/keyboard.js").KeyAction[]} */
export const GRID_KEYS = [
  arrowKeys("canvas.grid.key.move"),
  pinKey("canvas.grid.key.pin"),
  {
    keys: [" "],
    show: "Space",
    does: "canvas.grid.key.play",
    stageOnly: true,
    run: (explorer) => explorer.play(),
  },
  pointKeys("canvas.grid.key.knots"),
  HEAD_KEYS,
  letterKey("g", "canvas.grid.key.group", (explorer) => explorer.nextGroup()),
  letterKey("i", "canvas.grid.key.importance", flip("importance")),
  letterKey(
    "b",
    "canvas.grid.key.surface",
    (explorer) => explorer.layer.surface && flip("surface")(explorer),
  ),
  letterKey("s", "canvas.grid.key.split", flip("split")),
  letterKey(
    "o",
    "canvas.grid.key.object",
    (explorer) => explorer.layer.mask && flip("object")(explorer),
  ),
  LAYER_KEYS,
  resetKey("canvas.grid.key.reset"),
  HELP_KEY,
];

export const GRID_SIGNS = [
  signOf("canvas.grid.sign.mesh"),
  signOf("canvas.grid.sign.dots"),
  signOf("canvas.grid.sign.disc"),
  signOf("canvas.grid.sign.lines"),
  signOf("canvas.grid.sign.cross"),
  signOf("canvas.grid.sign.edge"),
  signOf("canvas.grid.sign.surface"),
];
