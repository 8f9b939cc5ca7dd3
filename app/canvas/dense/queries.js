// Which query of dense attention lies where: cells in an encoder, boxes in a decoder.
import { cellName, cellUnder, neighbourCell, queryOfCell } from "../kit/cells.js";
import { countTo } from "../kit/view.js";
import { say } from "../kit/words.js";

/** Decoder queries one can point at, best first: those that found something, or all of them. */
function choices(layer) {
  const { detections, shown_score: least, queries } = layer.header;
  const score = (query) => detections[query]?.score ?? -1;
  const sure = countTo(queries).filter((query) => score(query) >= Math.max(0, least));
  return (sure.length ? sure : countTo(queries)).sort((a, b) => score(b) - score(a) || a - b);
}

/** The query meant by a normalised place. */
export function queryAt(layer, x, y) {
  if (layer.isEncoder) {
    const { row, column } = cellUnder(layer, 0, x, y);
    return queryOfCell(layer, 0, row, column);
  }
  const [height, width] = layer.header.frame.padded_hw;
  const away = (query) => {
    const [centreX, centreY] = layer.centre(query);
    return Math.hypot((centreX - x) * width, (centreY - y) * height);
  };
  return choices(layer).reduce((best, query) => (away(query) < away(best) ? query : best));
}

/** The query one step away: the neighbouring cell, or the next detection in order of score. */
export function neighbourQuery(layer, query, stepX, stepY) {
  if (layer.isEncoder) return neighbourCell(layer, query, stepX, stepY);
  const order = choices(layer);
  const at = order.indexOf(query);
  return order[at < 0 ? 0 : (at + stepX + stepY + order.length) % order.length];
}

/** A query in words. */
export function queryName(layer, query) {
  if (layer.isEncoder) return cellName(layer, query);
  const found = layer.header.detections[query];
  if (!found) return say("canvas.dense.query", { query });
  const { class_name: name, score } = found;
  return say("canvas.dense.query.found", { query, name, score: score.toFixed(2) });
}
