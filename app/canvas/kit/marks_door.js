// The door without a browser: bytes and a view in, marks out. Python's figures and tests use it.
import { figureMarks } from "./figure.js";
import { allMarks } from "./marks.js";
import { bytesOf } from "./packed.js";
import { pictureState } from "./state.js";
import { readView } from "./view.js";

/**
 * What `<kind>.marks.js` offers as one global object.
 * @param {import("./canvas.js").Canvas} canvas
 */
export function marksDoor(canvas) {
  const derived = (given) => {
    const view = { ...canvas.view.usual(given.layer), ...given.view };
    const state = pictureState({ ...given, view });
    return canvas.derive ? canvas.derive(state) : state;
  };
  const compose = (given) => canvas.drawing.compose(derived(given), given.width, given.height);
  return {
    /** A layer from bytes that are not zipped. */
    decode: (bytes) => canvas.decode(bytesOf(bytes)),
    /** A view from what a link says: { view, notes }. */
    readView: (raw, layer) => readView(raw, layer, canvas.view),
    /**
     * The marks of a view by surface, lowest first, each with its layer and places in picture pixels.
     * `given` is { layer, view, palette, width, height } and, if wanted, picture, query and focus.
     */
    marks: (given) => allMarks(canvas.drawing, compose(given)),
    /** The figure an export makes: { marks, width, height, title }. `facts` is { title, note }. */
    figure: (given, facts = {}) => figureMarks(canvas.drawing, derived(given), facts),
    /** What is on show, in one line; `given` as for `marks`. */
    words: (given) => canvas.words(compose(given)),
    /** Width over height of the stage in a room so wide. */
    aspect: (layer, view, room) =>
      canvas.drawing.aspect(layer.header, { ...canvas.view.usual(layer), ...view }, room),
  };
}
