// Where every head of a model looks over many pictures: what this kind of picture is.
import { wholeNumber, yesOrNo } from "../kit/view.js";
import { say } from "../kit/words.js";
import { decodeAtlas } from "./decode.js";
import { ATLAS_DRAWING } from "./drawing.js";
import { headName, headWords } from "./words.js";

/** @type {import("../kit/view.js").ViewCodec} */
const ATLAS_VIEW = {
  parameters: { query: "q", pinned: "pin", level: "level" },
  usual: (layer) => ({ query: layer.header.start_query, pinned: false, level: null, heads: [] }),
  readers: (layer) => ({
    query: wholeNumber(layer.header.queries, "query"),
    pinned: yesOrNo,
    level: wholeNumber(layer.levels.length, "level"),
  }),
};

function sceneWords({ query, view, layer }) {
  const pinned = view.pinned ? [say("canvas.kit.words.pinned")] : [];
  return [headWords(layer, query, view.level), ...pinned].join(" · ");
}

/** @type {import("../kit/canvas.js").Canvas} */
export const ATLAS = {
  name: "atlas",
  description: "maps of where every head of a model looks",
  decode: decodeAtlas,
  view: ATLAS_VIEW,
  drawing: ATLAS_DRAWING,
  queryName: headName,
  words: sceneWords,
};
