// What is on show, in one line.
import { placeOf } from "../kit/frames.js";
import { hasFound, queryName } from "./queries.js";

export function sceneWords(scene) {
  return scene.view.reverse ? lookupWords(scene) : queryWords(scene);
}

function queryWords({ layer, view, query, samples, lightly }) {
  const outside = samples.filter(({ x, y }) => placeOf(layer.header, x, y) === "outside").length;
  const pinned = lightly
    ? "an example: move over the picture to explore"
    : "pinned, the pointer reads its points";
  const state = view.pinned ? pinned : "click to pin";
  return `${queryName(layer, query)} · ${samples.length} points, ${outside} outside the map · ${dotWords(layer, view)}${state}`;
}

/** What the white dots among the boxes are. */
function dotWords(layer, view) {
  if (layer.isEncoder || !view.all) return "";
  const count = Array.from({ length: layer.header.queries }, (_, query) => query).filter(
    (query) => !hasFound(layer, query),
  ).length;
  return `white dots: references of the ${count} queries without a sure object · `;
}

function lookupWords({ lookup }) {
  if (!lookup) return "Reverse look-up: point at a place";
  const { ranked, row, column, level, total } = lookup;
  return `${ranked.length} queries read cell (${row}, ${column}) of level ${level}, together ${total.toFixed(2)}`;
}
