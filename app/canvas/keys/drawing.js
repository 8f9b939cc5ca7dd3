// Five kinds of attention as a drawing, and what a figure of them says of itself.
import { cellName } from "../kit/cells.js";
import { keyMarks, pictureMarks } from "./marks.js";
import { keyPanels, keysAspect } from "./panels.js";

function caption({ layer, query }, facts) {
  return [
    [facts.title, cellName(layer, query)].filter(Boolean).join(" · "),
    layer.sets
      .map((set) => `${set.title}: ${set.per_head} keys per head (${set.honesty})`)
      .join(". "),
    "White: may be read, whatever the weight. Colour: head, area: trained attention weight. Made with deformviz.",
  ];
}

/** @type {import("../kit/marks.js").Drawing} */
export const KEYS_DRAWING = {
  surfaces: { photo: { picture: pictureMarks }, marks: { keys: keyMarks } },
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
