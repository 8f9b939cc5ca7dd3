// Deformed grids of deformable attention transformers: what this kind of picture is.
import { cellName } from "../kit/cells.js";
import { decodeGrid } from "./decode.js";
import { GRID_DRAWING } from "./drawing.js";
import { GRID_VIEW } from "./view.js";
import { sceneWords } from "./words.js";

/** @type {import("../kit/canvas.js").Canvas} */
export const GRID = {
  name: "grid",
  description: "picture with a deformed grid",
  decode: decodeGrid,
  view: GRID_VIEW,
  drawing: GRID_DRAWING,
  queryName: cellName,
  words: sceneWords,
};
