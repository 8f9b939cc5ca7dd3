// The small pictures without a browser, for tests.
export { decodeEither as decode } from "./decode.js";
export { cloudOf, reachOf } from "./reads.js";
export { thumbMarks as thumb } from "./thumb.js";
export { gaze } from "../kit/difference.js";
