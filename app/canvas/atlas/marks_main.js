// The head atlas without a browser: one global object, see kit/marks_door.js.
import { marksDoor } from "../kit/marks_door.js";
import { ATLAS } from "./canvas.js";

export const { decode, readView, marks, figure, words, aspect } = marksDoor(ATLAS);
