// What if a layer had read elsewhere: an edit of one query as data, as deformviz/walkthrough/what_if.py
// has it, and as an address says it.

/**
 * @typedef {object} Edit
 * @property {string} layer
 * @property {number} query
 * @property {number[]} heads that contribute nothing
 * @property {number[]} levels whose weights are shared out among the others
 * @property {Record<string, [number, number]>} moved "head,level,point" -> normalised place
 */

/** @returns {Edit} */
export const atRest = (layer, query) => ({ layer, query, heads: [], levels: [], moved: {} });

export const isAtRest = ({ heads, levels, moved }) =>
  !heads.length && !levels.length && !Object.keys(moved).length;

const PLACES = [-1, 2];
const settled = (share) => Number(Math.min(PLACES[1], Math.max(PLACES[0], share)).toFixed(4));

/** The edit with one more sample dragged, or the same one further. */
export function withMoved(edit, { head, level, point }, [x, y]) {
  const moved = { ...edit.moved, [`${head},${level},${point}`]: [settled(x), settled(y)] };
  return { ...edit, moved };
}

/** The edit with a head or level dropped, or taken in again. */
export function withToggled(edit, kind, index) {
  const rest = edit[kind].filter((one) => one !== index);
  const next = rest.length < edit[kind].length ? rest : [...rest, index].sort((a, b) => a - b);
  return { ...edit, [kind]: next };
}

/** As an address says it; "" at rest. */
export function writeEdit(edit) {
  if (!edit || isAtRest(edit)) return "";
  const moved = Object.entries(edit.moved).map(([sample, place]) => `${sample},${place.join()}`);
  const parts = { heads: edit.heads.join(), levels: edit.levels.join(), moved: moved.join("/") };
  const said = Object.entries(parts).filter(([, text]) => text);
  return [edit.layer, edit.query, ...said.map((pair) => pair.join(":"))].join(";");
}

/**
 * What an address says; null where it makes no sense for a model's layers.
 * @param {string} text
 * @param {{ name: string, levels: number[][], points_per_level: number[] }[]} layers
 * @returns {Edit | null}
 */
export function readEdit(text, layers) {
  const [name, query, ...parts] = text.split(";");
  const layer = layers.find((one) => one.name === name);
  if (!layer || !/^\d{1,6}$/.test(query)) return null;
  const edit = atRest(name, Number(query));
  const isIndex = (number, count) => Number.isInteger(number) && number >= 0 && number < count;
  const levels = layer.levels.length;
  for (const part of parts) {
    const [kind, said = ""] = part.split(":");
    const numbers = said.split(/[,/]/).map(Number);
    if (kind === "heads" && numbers.every((one) => isIndex(one, 1e4))) edit.heads = numbers;
    else if (kind === "levels" && numbers.every((one) => isIndex(one, levels)))
      edit.levels = numbers;
    else if (kind === "moved") {
      for (const one of said.split("/")) {
        const [head, level, point, x, y] = one.split(",").map(Number);
        const isOne = isIndex(head, 1e4) && isIndex(level, levels);
        if (!isOne || !isIndex(point, layer.points_per_level[level])) return null;
        if (![x, y].every(Number.isFinite)) return null;
        Object.assign(edit, withMoved(edit, { head, level, point }, [x, y]));
      }
    } else return null;
  }
  return edit;
}

/**
 * Locations and weights of a layer under an edit; what it names beyond the layer's sizes is passed
 * over.
 * @param {Edit} edit
 * @param {any} layer of a model's facts
 * @param {Record<string, { shape: number[], numbers: Float32Array }>} outputs of the model untouched
 */
export function changed(edit, layer, outputs) {
  const locations = outputs[`${edit.layer}/sampling_locations`];
  const weights = outputs[`${edit.layer}/attention_weights`];
  const [queries, heads] = weights.shape;
  const perHead = layer.points_per_level.reduce((sum, points) => sum + points, 0);
  const starts = layer.points_per_level.map((_, level) =>
    layer.points_per_level.slice(0, level).reduce((sum, points) => sum + points, 0),
  );
  const query = Math.min(edit.query, queries - 1);
  const first = (head) => (query * heads + head) * perHead;
  const places = locations.numbers.slice();
  const shares = weights.numbers.slice();
  for (const [sample, place] of Object.entries(edit.moved)) {
    const [head, level, point] = sample.split(",").map(Number);
    if (head < heads) places.set(place, 2 * (first(head) + starts[level] + point));
  }
  for (let head = 0; head < heads; head++) {
    const mine = shares.subarray(first(head), first(head) + perHead);
    for (const level of edit.levels)
      mine.fill(0, starts[level], starts[level] + layer.points_per_level[level]);
    const sum = mine.reduce((a, b) => a + b, 0);
    if (edit.levels.length && sum > 0) mine.forEach((share, at) => (mine[at] = share / sum));
    if (edit.heads.includes(head)) mine.fill(0);
  }
  return {
    [`${edit.layer}/sampling_locations`]: { ...locations, numbers: places },
    [`${edit.layer}/attention_weights`]: { ...weights, numbers: shares },
  };
}
