// Which query of one layer answers for a query of another: by its number, the object that both
// found, or its place as a share of the picture. Nothing here needs a browser.
import { cellOfQuery, cellUnder, queryOfCell } from "./cells.js";
import { applyAffine } from "./frames.js";

const LEAST_OVERLAP = 0.3; // of two boxes that are taken for one object

/** A normalised place as a share of the original picture, and back; pixel centres are whole. */
export function toShare({ to_original: toOriginal, frame }, x, y) {
  const [height, width] = frame.original_hw;
  const [xPx, yPx] = applyAffine(toOriginal, x, y);
  return [(xPx + 0.5) / width, (yPx + 0.5) / height];
}

export function fromShare({ from_original: fromOriginal, frame }, x, y) {
  const [height, width] = frame.original_hw;
  return applyAffine(fromOriginal, x * width - 0.5, y * height - 0.5);
}

/** The same place of the picture on another layer, both normalised; inside what the model saw. */
export function samePlace(from, to, place) {
  const inside = (value) => Math.min(1, Math.max(0, value));
  return place && fromShare(to.header, ...toShare(from.header, ...place)).map(inside);
}

/** Where a query is: its reference, or the middle of its cell or box; a share of the picture. */
export function shareOf(layer, query) {
  const { x, y } = layer.reference ? layer.reference(query) : middle(layer, query);
  return toShare(layer.header, x, y);
}

function middle(layer, query) {
  const [x, y] = layer.centre ? layer.centre(query) : layer.start(query);
  return { x, y };
}

/** Corners [x0, y0, x1, y1] of the box a query has after this layer, as shares; null without one. */
export function boxOf(layer, query) {
  const { header } = layer;
  if (layer.isEncoder) return null;
  if (layer.boxes) return corners(layer.boxes.subarray(4 * query, 4 * query + 4));
  const index = Number(header.layer.split(".")[1]);
  if (index < header.box_layers) {
    const { buffer, byteOffset, byteLength } = layer.references;
    const at = byteOffset + byteLength + 16 * (index * header.queries + query);
    return corners(new Float32Array(buffer, at, 4));
  }
  return foundBox(layer, query);
}

/** @param {ArrayLike<number> & Iterable<number>} box x, y, width and height */
function corners(box) {
  const [x, y, width, height] = box;
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
}

/** What a query found in the end, if it is sure enough to be shown. */
export function foundBy(layer, query) {
  const { detections, shown_score: least } = layer.header;
  const found = detections?.[query];
  return found && found.score >= least ? found : null;
}

/** Corners of what a query found, as shares of the picture; null where it found nothing. */
function foundBox(layer, query) {
  const found = foundBy(layer, query);
  const [height, width] = layer.header.frame.original_hw;
  const size = [width, height, width, height];
  return found && found.box_xyxy_px.map((edge, at) => edge / size[at]);
}

/** Intersection over union of two boxes [x0, y0, x1, y1]. */
export function overlapOf(one, other) {
  const side = (axis) =>
    Math.max(0, Math.min(one[axis + 2], other[axis + 2]) - Math.max(one[axis], other[axis]));
  const area = ([x0, y0, x1, y1]) => Math.max(0, x1 - x0) * Math.max(0, y1 - y0);
  const both = side(0) * side(1);
  return both ? both / (area(one) + area(other) - both) : 0;
}

/**
 * The query of another layer that answers for one: { query, by, overlap }.
 * @param {boolean} [numbered] whether the queries of both are the same ones
 */
export function sameQuery(first, query, second, numbered = false) {
  const alike =
    first.isEncoder === second.isEncoder && first.header.queries === second.header.queries;
  if (numbered && alike) return { query, by: "number", overlap: null };
  const place = shareOf(first, query);
  if (second.isEncoder) {
    return { query: cellAt(first, query, second, place), by: "place", overlap: null };
  }
  const sure = queriesOf(second).filter((one) => foundBy(second, one));
  const object = first.isEncoder ? null : foundBox(first, query);
  if (object && sure.length) {
    const overlaps = sure.map((one) => overlapOf(object, foundBox(second, one)));
    const overlap = Math.max(...overlaps);
    if (overlap >= LEAST_OVERLAP) {
      return { query: sure[overlaps.indexOf(overlap)], by: "object", overlap };
    }
  }
  const around = sure.filter((one) => contains(foundBox(second, one), place));
  const among = around.length ? around : queriesOf(second);
  return { query: nearest(second, among, place), by: "place", overlap: null };
}

const queriesOf = ({ header }) => Array.from({ length: header.queries }, (_, query) => query);

function contains(box, place) {
  const [x0, y0, x1, y1] = box;
  const [x, y] = place;
  return x >= x0 && x <= x1 && y >= y0 && y <= y1;
}

/** The cell at a place; of the level that the first query is a cell of, where there is one. */
function cellAt(first, query, second, place) {
  const last = second.levels.length - 1;
  const wanted = first.isEncoder && first.levels.length > 1 ? cellOfQuery(first, query).level : 1;
  const level = Math.min(wanted, last);
  const { row, column } = cellUnder(second, level, ...fromShare(second.header, ...place));
  return queryOfCell(second, level, row, column);
}

function nearest(layer, among, place) {
  const [x, y] = place;
  const [height, width] = layer.header.frame.original_hw;
  const away = among.map((query) => {
    const [otherX, otherY] = shareOf(layer, query);
    return Math.hypot((otherX - x) * width, (otherY - y) * height);
  });
  return among[away.indexOf(Math.min(...away))];
}
