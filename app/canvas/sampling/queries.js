// Which query of a detector lies where: cells in an encoder, detections in a decoder.
import { cellOfQuery, cellUnder, neighbourCell, queryOfCell } from "../kit/cells.js";
import { say } from "../kit/words.js";

/** Decoder queries one can point at, best first: detections, or all of them. */
export function decoderChoices(layer, all) {
  const { detections, shown_score: least, queries } = layer.header;
  const score = (query) => detections[query]?.score ?? -1;
  const choices = [];
  for (let query = 0; query < queries; query++) {
    if (all || score(query) >= Math.max(0, least)) choices.push(query);
  }
  if (!choices.length) return decoderChoices(layer, true);
  return choices.sort((a, b) => score(b) - score(a) || a - b);
}

/** Whether a decoder's query found an object that is sure enough to be shown with a box. */
export function hasFound(layer, query) {
  const { detections, shown_score: least } = layer.header;
  return (detections[query]?.score ?? -Infinity) >= least;
}

/**
 * The decoder query meant by a place in pixels of the original picture: the smallest detected box
 * around it, else the nearest reference. With `all`, always the nearest reference.
 */
export function decoderQueryAt(layer, all, [xPx, yPx], [x, y]) {
  const choices = decoderChoices(layer, all);
  let best = null;
  let smallest = Infinity;
  for (const query of all ? [] : choices.filter((choice) => layer.header.detections[choice])) {
    const [x0, y0, x1, y1] = layer.header.detections[query].box_xyxy_px;
    const area = (x1 - x0) * (y1 - y0);
    if (xPx >= x0 && xPx <= x1 && yPx >= y0 && yPx <= y1 && area < smallest) {
      [best, smallest] = [query, area];
    }
  }
  return best ?? nearestReference(layer, choices, x, y);
}

function nearestReference(layer, choices, x, y) {
  const [height, width] = layer.header.frame.padded_hw;
  let best = null;
  let least = Infinity;
  for (const query of choices) {
    const reference = layer.reference(query);
    const distance = Math.hypot((reference.x - x) * width, (reference.y - y) * height);
    if (distance < least) [best, least] = [query, distance];
  }
  return best;
}

/** The query one step away: the neighbouring cell, or the next detection in order of score. */
export function neighbourQuery(layer, query, stepX, stepY, all) {
  if (layer.isEncoder) return neighbourCell(layer, query, stepX, stepY);
  const choices = decoderChoices(layer, all);
  const at = choices.indexOf(query);
  const next = at < 0 ? 0 : (at + stepX + stepY + choices.length) % choices.length;
  return choices[next] ?? query;
}

/** The same place on another level of the encoder. */
export function queryOnLevel(layer, query, level) {
  const { x, y } = layer.reference(query, level);
  const { row, column } = cellUnder(layer, level, x, y);
  return queryOfCell(layer, level, row, column);
}

/** A query in words. */
export function queryName(layer, query) {
  if (layer.isEncoder) return say("canvas.kit.cell_of_level", { ...cellOfQuery(layer, query) });
  const found = layer.header.detections[query];
  if (!found) return say("canvas.sampling.query", { query });
  const { class_name: name, score } = found;
  return say("canvas.sampling.query.found", { query, name, score: score.toFixed(2) });
}
