// Sampling points of multi-scale deformable attention: what this kind of picture is.
import { withAmounts } from "./amounts.js";
import { decodeLayer } from "./decode.js";
import { SAMPLING_DRAWING } from "./drawing.js";
import { queryName } from "./queries.js";
import { SAMPLING_VIEW } from "./view.js";
import { sceneWords } from "./words.js";

/** @type {import("../kit/canvas.js").Canvas} */
export const SAMPLING = {
  name: "sampling",
  description: "picture with sampling points",
  decode: decodeLayer,
  view: SAMPLING_VIEW,
  drawing: SAMPLING_DRAWING,
  derive: withAmounts,
  queryName,
  words: sceneWords,
};
