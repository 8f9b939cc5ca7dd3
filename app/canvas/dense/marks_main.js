// Dense attention without a browser: one global object, see kit/marks_door.js.
import { marksDoor } from "../kit/marks_door.js";
import { DENSE } from "./canvas.js";

export const { decode, readView, marks, figure, words, aspect } = marksDoor(DENSE);
