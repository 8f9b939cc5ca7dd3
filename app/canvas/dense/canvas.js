// Where every query of a layer with dense attention looks: what this kind of picture is.
import { ONE_QUERY_VIEW } from "../kit/view.js";
import { say } from "../kit/words.js";
import { decodeDense } from "./decode.js";
import { DENSE_DRAWING } from "./drawing.js";
import { queryName } from "./queries.js";

/** How many keys would get the same entropy if all had equal weight. */
function spread(weights) {
  let entropy = 0;
  for (const weight of weights) if (weight > 0) entropy -= weight * Math.log(weight);
  return Math.exp(entropy);
}

function sceneWords({ layer, query, view }) {
  const { heads, keys } = layer.header;
  const spreads = Array.from({ length: heads }, (_, head) => spread(layer.weights(query, head)));
  const [least, most] = [Math.min(...spreads), Math.max(...spreads)].map((n) => n.toFixed(1));
  return [
    queryName(layer, query),
    say("canvas.dense.words.spread", { least, most, keys }),
    ...(view.pinned ? [say("canvas.kit.words.pinned")] : []),
  ].join(" · ");
}

/** @type {import("../kit/canvas.js").Canvas} */
export const DENSE = {
  name: "dense",
  description: "one picture for each head with what a query looks at",
  decode: decodeDense,
  view: ONE_QUERY_VIEW,
  drawing: DENSE_DRAWING,
  queryName,
  words: sceneWords,
};
