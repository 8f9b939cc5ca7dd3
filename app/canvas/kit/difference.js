// What is different between a query of one layer and the one that answers for it in another.
// Lengths are in pixels of the first one's picture. Nothing here needs a browser.
import { cellBox, cellOfQuery } from "./cells.js";
import { boxOf, overlapOf, sameQuery, shareOf, toShare } from "./same_query.js";

const MOST_QUERIES = 600; // of a layer whose queries are compared one by one

/** Whether two layers have the same heads, levels and points, so that these pair by number. */
export function sameShape(first, second) {
  if (!first.sampleIndex || !second.sampleIndex) return false;
  return (
    first.header.heads === second.header.heads &&
    first.pointsPerLevel.join() === second.pointsPerLevel.join()
  );
}

/** Calls `visit(head, level, point)` for every sample of a query. */
function eachSample({ header, pointsPerLevel }, visit) {
  for (let head = 0; head < header.heads; head++) {
    pointsPerLevel.forEach((count, level) => {
      for (let point = 0; point < count; point++) visit(head, level, point);
    });
  }
}

/** Where a sample of a query lies, in shares of the picture; or from its query's reference. */
export function shareOfSample(layer, query, head, level, point, fromReference) {
  const { x, y } = layer.sample(query, head, level, point);
  const [shareX, shareY] = toShare(layer.header, x, y);
  if (!fromReference) return [shareX, shareY];
  const reference = layer.reference(query, level);
  const [fromX, fromY] = toShare(layer.header, reference.x, reference.y);
  return [shareX - fromX, shareY - fromY];
}

/** How far every point lies from its partner, in pixels: a list of { px, head, level, point }. */
function distances(first, query, second, other, fromReference) {
  const [height, width] = first.header.frame.original_hw;
  const found = [];
  eachSample(first, (head, level, point) => {
    const [x, y] = shareOfSample(first, query, head, level, point, fromReference);
    const [otherX, otherY] = shareOfSample(second, other, head, level, point, fromReference);
    const px = Math.hypot((otherX - x) * width, (otherY - y) * height);
    found.push({ px, head, level, point });
  });
  return found;
}

export function median(numbers) {
  const sorted = Float64Array.from(numbers).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The share of a query's weight that lies on other points: half of all changes, mean of heads. */
function weightElsewhere(first, query, second, other) {
  let changed = 0;
  eachSample(first, (head, level, point) => {
    const one = first.sample(query, head, level, point).weight;
    changed += Math.abs(second.sample(other, head, level, point).weight - one);
  });
  return changed / 2 / first.header.heads;
}

/** Points and weights of two queries, paired by head, level and point; null where they do not pair. */
function pointDifference(first, query, second, other, fromReference) {
  if (!sameShape(first, second)) return null;
  const moved = distances(first, query, second, other, fromReference);
  return {
    count: moved.length,
    median: median(moved.map(({ px }) => px)),
    largest: moved.reduce((most, one) => (one.px > most.px ? one : most)),
    elsewhere: weightElsewhere(first, query, second, other),
  };
}

/** Knots of two deformed grids and what a query gives them, paired by group and knot. */
function knotDifference(first, query, second, other, fromReference) {
  const alike = ["groups", "knots", "heads"].every((n) => first.header[n] === second.header[n]);
  if (!first.place || !second.place || !alike) return null;
  const [height, width] = first.header.frame.original_hw;
  const at = (layer, group, knot) => {
    const [x, y] = toShare(layer.header, ...layer.place(group, knot, 1));
    if (!fromReference) return [x, y];
    const [fromX, fromY] = toShare(layer.header, ...layer.place(group, knot, 0));
    return [x - fromX, y - fromY];
  };
  const { groups, knots, heads } = first.header;
  const moved = allOf(groups * knots).map((index) => {
    const [group, knot] = [Math.floor(index / knots), index % knots];
    const [[x, y], [otherX, otherY]] = [at(first, group, knot), at(second, group, knot)];
    return { px: Math.hypot((otherX - x) * width, (otherY - y) * height), group, knot };
  });
  let changed = 0;
  for (let head = 0; head < heads; head++)
    for (let knot = 0; knot < knots; knot++)
      changed += Math.abs(second.weight(head, other, knot) - first.weight(head, query, knot));
  return {
    count: moved.length,
    median: median(moved.map(({ px }) => px)),
    largest: moved.reduce((most, one) => (one.px > most.px ? one : most)),
    elsewhere: changed / 2 / heads,
  };
}

/** What a query reads: [x, y, weight] in shares of the picture, weights together about 1. */
function readBy(layer, query) {
  const found = [];
  const add = (x, y, weight) => found.push([...toShare(layer.header, x, y), weight]);
  const { heads } = layer.header;
  if (layer.sampleIndex) {
    eachSample(layer, (head, level, point) => {
      const { x, y, weight } = layer.sample(query, head, level, point);
      add(x, y, weight / heads);
    });
  } else if (layer.averages) {
    layer.averages(query).forEach((weight, key) => add(...keyCentre(layer, key), weight));
  } else {
    for (const { group, knot, weight } of layer.weighted(query, { heads: allOf(heads) })) {
      add(...layer.place(group, knot, 1), weight / heads);
    }
  }
  return found;
}

const allOf = (count) => Array.from({ length: count }, (_, index) => index);

/** Normalised centre of a key of dense attention: a cell, or another query. */
function keyCentre(layer, key) {
  if (layer.isAmongQueries) return layer.centre(key);
  const { level, row, column } = cellOfQuery(layer, key);
  const [x0, y0, x1, y1] = cellBox(layer, level, row, column);
  return [(x0 + x1) / 2, (y0 + y1) / 2];
}

/** The middle of what a query reads, by weight, and how far that spreads, in pixels of a size. */
export function gaze(layer, query, [height, width]) {
  const read = readBy(layer, query);
  const all = read.reduce((sum, [, , weight]) => sum + weight, 0) || 1;
  const mean = (of) => read.reduce((sum, one) => sum + one[2] * of(one), 0) / all;
  const [x, y] = [mean(([each]) => each * width), mean(([, each]) => each * height)];
  const spread = mean((one) => (one[0] * width - x) ** 2 + (one[1] * height - y) ** 2);
  return { x, y, spread: Math.sqrt(spread) };
}

function boxDifference(first, query, second, other) {
  const [one, two] = [boxOf(first, query), boxOf(second, other)];
  if (!one || !two) return null;
  const [height, width] = first.header.frame.original_hw;
  const away = (axis) => (two[axis] + two[axis + 2] - one[axis] - one[axis + 2]) / 2;
  const area = ([x0, y0, x1, y1]) => Math.max(0, x1 - x0) * Math.max(0, y1 - y0);
  return {
    overlap: overlapOf(one, two),
    moved: Math.hypot(away(0) * width, away(1) * height),
    size: Math.sqrt(area(two) / (area(one) || 1)),
  };
}

/**
 * Everything that is different between a query and its partner.
 * @param {{ fromReference?: boolean }} [how] whether places count from the queries' references, as
 *   they must on two different pictures
 */
export function difference(first, query, second, other, how) {
  const { fromReference = false } = how ?? {};
  const size = first.header.frame.original_hw;
  const [one, two] = [gaze(first, query, size), gaze(second, other, size)];
  const moved = fromReference
    ? reachFrom(second, other, two, size) - reachFrom(first, query, one, size)
    : Math.hypot(two.x - one.x, two.y - one.y);
  return {
    points: pointDifference(first, query, second, other, fromReference),
    knots: knotDifference(first, query, second, other, fromReference),
    gaze: { moved, spreads: [one.spread, two.spread] },
    box: boxDifference(first, query, second, other),
  };
}

/** How far the middle of what a query reads is from the query, in pixels. */
function reachFrom(layer, query, { x, y }, [height, width]) {
  const [fromX, fromY] = shareOf(layer, query);
  return Math.hypot(x - fromX * width, y - fromY * height);
}

/**
 * The same of a whole layer: { queries, median, elsewhere }, each the middle one of its queries; null
 * where points do not pair or no query has a partner. Of many queries every n-th is asked.
 */
export function layerDifference(first, second, { fromReference = false, numbered = false } = {}) {
  if (!sameShape(first, second)) return null;
  const every = Math.ceil(first.header.queries / MOST_QUERIES);
  const moved = [];
  const elsewhere = [];
  for (let query = 0; query < first.header.queries; query += every) {
    const { query: other, by } = sameQuery(first, query, second, numbered);
    if (by === "place" && !first.isEncoder) continue; // nobody answers for it
    const found = pointDifference(first, query, second, other, fromReference);
    moved.push(found.median);
    elsewhere.push(found.elsewhere);
  }
  if (!moved.length) return null;
  return { queries: moved.length, median: median(moved), elsewhere: median(elsewhere) };
}
