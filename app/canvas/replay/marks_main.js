// The pictures of a replay without a browser: { sampling, grid }, each as kit/marks_door.js says, with
// what the replay adds: `paths`, `blend`, .. of kinds.js. What is given to `marks` may have `paths`.
import { GRID } from "../grid/canvas.js";
import { marksDoor } from "../kit/marks_door.js";
import { SAMPLING } from "../sampling/canvas.js";
import { REPLAY_KINDS } from "./kinds.js";

export { proofWords } from "../kit/proof.js";
export { linesOf, statisticToShow } from "./statistics.js";

const doorOf = (canvas) => {
  const kind = REPLAY_KINDS[canvas.name];
  return { ...kind, ...marksDoor({ ...canvas, drawing: kind.drawing }) };
};
export const sampling = doorOf(SAMPLING);
export const grid = doorOf(GRID);
