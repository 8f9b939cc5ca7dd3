// What one head of a layer reads: for one query, or for all of them on average.
import { cellBox, cellOfQuery } from "../kit/cells.js";
import { shareOf, toShare } from "../kit/same_query.js";

const MOST_QUERIES = 800; // of an average; of more, every n-th is asked
export const CLOUD_HW = [18, 24]; // cells of an average of sampling points

/**
 * Places a head reads for a query, heaviest first: { x, y, weight }, normalised.
 * @param {any} layer
 */
export function readsOf(layer, head, query) {
  const found = [];
  if (layer.sampleIndex) {
    layer.pointsPerLevel.forEach((count, level) => {
      for (let point = 0; point < count; point++)
        found.push(layer.sample(query, head, level, point));
    });
  } else {
    layer.weights(query, head).forEach((weight, key) => {
      const [x, y] = centreOfKey(layer, key);
      found.push({ x, y, weight });
    });
  }
  return found.sort((one, other) => other.weight - one.weight);
}

function centreOfKey(layer, key) {
  if (layer.isAmongQueries) return layer.centre(key);
  const { level, row, column } = cellOfQuery(layer, key);
  const [x0, y0, x1, y1] = cellBox(layer, level, row, column);
  return [(x0 + x1) / 2, (y0 + y1) / 2];
}

/** How far from its query a head reads, by weight, in pixels of the picture. */
export function reachOf(layer, head, query) {
  const [height, width] = layer.header.frame.original_hw;
  const [fromX, fromY] = shareOf(layer, query);
  let [far, all] = [0, 0];
  for (const { x, y, weight } of readsOf(layer, head, query)) {
    const [shareX, shareY] = toShare(layer.header, x, y);
    far += weight * Math.hypot((shareX - fromX) * width, (shareY - fromY) * height);
    all += weight;
  }
  return all ? far / all : 0;
}

/** The queries an average asks. */
export function askedOnAverage({ header: { queries } }) {
  const every = Math.ceil(queries / MOST_QUERIES);
  return Array.from({ length: Math.ceil(queries / every) }, (_, index) => index * every);
}

/**
 * What a head reads on average, as if every query stood in the middle of the picture: weights in
 * cells [row column] of a field as large as the picture; what lies beyond it is left out.
 */
export function cloudOf(layer, head) {
  const [rows, columns] = CLOUD_HW;
  const values = new Float64Array(rows * columns);
  const asked = askedOnAverage(layer);
  for (const query of asked) {
    const [fromX, fromY] = shareOf(layer, query);
    for (const { x, y, weight } of readsOf(layer, head, query)) {
      const [shareX, shareY] = toShare(layer.header, x, y);
      const column = Math.floor((shareX - fromX + 0.5) * columns);
      const row = Math.floor((shareY - fromY + 0.5) * rows);
      if (row < 0 || column < 0 || row >= rows || column >= columns) continue;
      values[row * columns + column] += weight / asked.length;
    }
  }
  return values;
}
