// Keys of sampling points, and what their signs mean; help prints both.
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
export const SAMPLING_KEYS = [
  arrowKeys("canvas.sampling.key.move"),
  pinKey("canvas.sampling.key.pin"),
  pointKeys("canvas.sampling.key.points"),
  HEAD_KEYS,
  LAYER_KEYS,
  letterKey("l", "canvas.sampling.key.level", (explorer) =>
    explorer.setLevel((explorer.view.level + 1) % explorer.layer.levels.length),
  ),
  letterKey("m", "canvas.sampling.key.mass", flip("mass")),
  letterKey("r", "canvas.sampling.key.reverse", (explorer) => explorer.toggleReverse()),
  letterKey("z", "canvas.sampling.key.zoom", (explorer) => explorer.cycleZoom()),
  resetKey("canvas.sampling.key.reset"),
  HELP_KEY,
];

export const SAMPLING_SIGNS = [
  signOf("canvas.sampling.sign.colour"),
  signOf("canvas.sampling.sign.shape"),
  signOf("canvas.sampling.sign.area"),
  signOf("canvas.sampling.sign.cross"),
  signOf("canvas.sampling.sign.arrow"),
  signOf("canvas.sampling.sign.cells"),
  signOf("canvas.sampling.sign.mass"),
];
