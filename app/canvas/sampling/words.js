// What is on show, in one line.
import { placeOf } from "../kit/frames.js";
import { countTo } from "../kit/view.js";
import { say } from "../kit/words.js";
import { hasFound, queryName } from "./queries.js";

export function sceneWords(scene) {
  return scene.view.reverse ? lookupWords(scene) : queryWords(scene);
}

function queryWords({ layer, view, query, samples, lightly }) {
  const outside = samples.filter(({ x, y }) => placeOf(layer.header, x, y) === "outside").length;
  const pinned = lightly ? "example" : "pinned";
  return [
    queryName(layer, query),
    ...onlyWords(layer, view),
    say("canvas.sampling.words.points", { count: samples.length, outside }),
    ...dotWords(layer, view),
    say(`canvas.sampling.words.${view.pinned ? pinned : "free"}`),
  ].join(" · ");
}

/** The one head and the one level, where no more is shown. */
function onlyWords(layer, { heads, levels }) {
  const words = [];
  const [head] = heads;
  const [level] = levels;
  if (heads.length === 1 && layer.header.heads > 1)
    words.push(say("canvas.sampling.words.head", { head }));
  if (levels.length === 1 && layer.levels.length > 1) {
    const [height, width] = layer.levels[level];
    words.push(say("canvas.sampling.words.level", { level, height, width }));
  }
  return words;
}

/** What the white dots among the boxes are. */
function dotWords(layer, view) {
  if (layer.isEncoder || !view.all) return [];
  const count = countTo(layer.header.queries).filter((query) => !hasFound(layer, query)).length;
  return [say("canvas.sampling.words.dots", { count })];
}

function lookupWords({ lookup }) {
  if (!lookup) return say("canvas.sampling.words.no_place");
  const { ranked, row, column, level, total } = lookup;
  const count = ranked.length;
  return say("canvas.sampling.words.readers", {
    count,
    row,
    column,
    level,
    total: total.toFixed(2),
  });
}
