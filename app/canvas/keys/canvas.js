// What one query may read under five kinds of attention: what this kind of picture is.
import { cellName } from "../kit/cells.js";
import { say } from "../kit/words.js";
import { decodeKeySets } from "./decode.js";
import { KEYS_DRAWING } from "./drawing.js";
import { hasOther } from "./marks.js";
import { KEYS_VIEW } from "./view.js";

function sceneWords({ query, view, layer }) {
  const counts = layer.sets.map(
    (set) => `${set.title.replace(/.*\((.*)\)/, "$1")} ${layer.keys(set, query).length}`,
  );
  const parts = [
    cellName(layer, query),
    say("canvas.keys.words.counts", { counts: counts.join(", ") }),
    ...(view.pinned ? [say("canvas.kit.words.pinned")] : []),
    ...(hasOther(view)
      ? [say("canvas.keys.words.other", { cell: cellName(layer, view.other) })]
      : []),
  ];
  return parts.join(" · ");
}

/** @type {import("../kit/canvas.js").Canvas} */
export const KEYS = {
  name: "keys",
  description: "five pictures with the places one query may read",
  decode: decodeKeySets,
  view: KEYS_VIEW,
  drawing: KEYS_DRAWING,
  queryName: cellName,
  words: sceneWords,
};
