// Five kinds of attention as a drawing, and what a figure of them says of itself.
import { cellName } from "../kit/cells.js";
import { say } from "../kit/words.js";
import { hasOther, keyMarks, otherMarks, pictureMarks } from "./marks.js";
import { keyPanels, keysAspect } from "./panels.js";

function caption({ layer, query, view }, facts) {
  return [
    [facts.title, cellName(layer, query)].filter(Boolean).join(" · "),
    layer.sets.map((set) => say("canvas.keys.caption.set", set)).join(". "),
    [
      say("canvas.keys.caption.signs"),
      ...(hasOther(view)
        ? [say("canvas.keys.caption.other", { cell: cellName(layer, view.other) })]
        : []),
    ].join(" "),
  ];
}

/** @type {import("../kit/marks.js").Drawing} */
export const KEYS_DRAWING = {
  surfaces: { photo: { picture: pictureMarks }, marks: { keys: keyMarks, other: otherMarks } },
  compose: (state, width, height) => ({
    ...state,
    width,
    height,
    panels: keyPanels(state.layer, width, height),
  }),
  aspect: keysAspect,
  caption,
  legend: () => [],
};
