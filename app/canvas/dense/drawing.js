// Dense attention as a drawing, and what a figure of it says of itself.
import { say } from "../kit/words.js";
import { MOST_LINES, pictureMarks, queryMarks, weightMarks } from "./marks.js";
import { denseAspect, densePanels } from "./panels.js";
import { queryName } from "./queries.js";

function caption({ layer, query }, facts) {
  const { model_label: model, honesty_label: honesty, layer: name } = layer.header;
  const signs = layer.isAmongQueries ? "lines" : "map";
  return [
    [facts.title, model, name, queryName(layer, query)].filter(Boolean).join(" · "),
    [honesty, facts.note].filter(Boolean).join(" · "),
    say(`canvas.dense.caption.${signs}`, { count: MOST_LINES }),
  ].filter(Boolean);
}

/** @type {import("../kit/marks.js").Drawing} */
export const DENSE_DRAWING = {
  surfaces: {
    photo: { picture: pictureMarks },
    marks: { weights: weightMarks, query: queryMarks },
  },
  compose: (state, width, height) => ({
    ...state,
    width,
    height,
    panels: densePanels(state.layer, width, height),
  }),
  aspect: denseAspect,
  caption,
  legend: () => [],
};
