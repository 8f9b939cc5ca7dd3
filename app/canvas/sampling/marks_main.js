// Sampling points without a browser: one global object, see kit/marks_door.js.
import { marksDoor } from "../kit/marks_door.js";
import { SAMPLING } from "./canvas.js";

export const { decode, readView, marks, figure, words, aspect } = marksDoor(SAMPLING);
export { difference, layerDifference } from "../kit/difference.js";
export { boxOf, sameQuery } from "../kit/same_query.js";
