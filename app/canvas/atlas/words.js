// One head of the atlas in words.
import { say } from "../kit/words.js";

export function headName(layer, query) {
  const found = layer.head(query);
  return say("canvas.atlas.head", { layer: found.layer.name, head: found.head });
}

/** How far from the middle of the map a cell lies, in the unit of its layer. */
function placeOf(layer, query, cell) {
  const { bins } = layer.header;
  const { reach } = layer.head(query).layer;
  const along = (number) => ((number + 0.5) / bins - 0.5) * 2 * reach;
  return [along(cell % bins), along(Math.floor(cell / bins))];
}

/** Where the weight of a head is: its level, its heaviest place, what is beyond the map. */
export function headWords(layer, query, level) {
  const { bins } = layer.header;
  const found = layer.head(query).layer;
  const shares = layer.shares(query, level);
  const whole = shares.reduce((sum, share) => sum + share, 0);
  if (!whole) return say("canvas.atlas.words.nothing", { head: headName(layer, query), level });
  const heaviest = shares.indexOf(Math.max(...shares));
  const [x, y] = placeOf(layer, query, heaviest).map((number) => number.toFixed(1));
  const onRim = (cell) =>
    cell < bins || cell >= bins * (bins - 1) || cell % bins === 0 || cell % bins === bins - 1;
  const rim = shares.reduce((sum, share, cell) => sum + (onRim(cell) ? share : 0), 0);
  const percent = (share) => (100 * share).toFixed(0);
  return [
    headName(layer, query),
    ...(level === null ? [] : [say("canvas.atlas.words.level", { level, share: percent(whole) })]),
    say(found.boxed ? "canvas.atlas.words.most.boxed" : "canvas.atlas.words.most", { x, y }),
    say("canvas.atlas.words.rim", { share: percent(rim / whole) }),
  ].join(" · ");
}
