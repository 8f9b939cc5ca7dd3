// The head atlas as a drawing, and what a figure of it says of itself.
import { say } from "../kit/words.js";
import { atlasAspect, atlasLayout } from "./layout.js";
import { blockMarks, chosenMarks, mapMarks, referenceMarks } from "./marks.js";
import { headWords } from "./words.js";

function caption({ layer, query, view }, facts) {
  const { layer: group, pictures } = layer.header;
  return [
    [
      facts.title,
      say("canvas.atlas.caption.of", { group, pictures: pictures.toLocaleString("en") }),
    ]
      .filter(Boolean)
      .join(" · "),
    ...(view.pinned ? [headWords(layer, query, view.level)] : []),
    say("canvas.atlas.caption.signs"),
  ];
}

/** @type {import("../kit/marks.js").Drawing} */
export const ATLAS_DRAWING = {
  surfaces: {
    photo: { blocks: blockMarks, maps: mapMarks, references: referenceMarks },
    marks: { chosen: chosenMarks },
  },
  compose: (state, width, height) => ({
    ...state,
    width,
    height,
    toStage: [1, 0, 1, 0],
    ...atlasLayout(state.layer.header, width),
  }),
  aspect: atlasAspect,
  caption,
  legend: () => [],
};
