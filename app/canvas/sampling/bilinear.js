// What bilinear sampling with zeros outside does with one place on one level; and how much of a map
// all queries read.

/** The four cells around pixel index (x, y) and their shares; `inside` is false beyond the map. */
export function cornerCells(x, y, height, width) {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const shareX = x - left;
  const shareY = y - top;
  return [
    [top, left, (1 - shareX) * (1 - shareY)],
    [top, left + 1, shareX * (1 - shareY)],
    [top + 1, left, (1 - shareX) * shareY],
    [top + 1, left + 1, shareX * shareY],
  ].map(([row, column, share]) => ({
    row,
    column,
    share,
    inside: row >= 0 && row < height && column >= 0 && column < width,
  }));
}

/** Stored integers of a packed layer straight to pixel index of a level: scale and shift of x, y. */
function storedToLevel(layer, level) {
  const [scaleX, shiftX, scaleY, shiftY] = layer.header.to_levels[level];
  const { location_scale: scale, location_zero: zero } = layer.header;
  return [
    scaleX * scale[0],
    scaleX * zero[0] + shiftX,
    scaleY * scale[1],
    scaleY * zero[1] + shiftY,
  ];
}

const QUERIES_PER_SLICE = 1024;

/**
 * Sum over all queries and the given heads of attention weight times bilinear share, per cell.
 * A generator, so that a large layer can be shared out over frames; it yields the part done and
 * returns { grid [row column], total, inside }: `total` is the weight spent on this level,
 * `inside` what of it falls on the map.
 */
export function* samplingMass(layer, level, heads) {
  const [height, width] = layer.levels[level];
  const [scaleX, shiftX, scaleY, shiftY] = storedToLevel(layer, level);
  const { queries, weight_scale: weightScale } = layer.header;
  const points = layer.pointsPerLevel[level];
  const grid = new Float64Array(height * width);
  let total = 0;
  for (let query = 0; query < queries; query++) {
    if (query && query % QUERIES_PER_SLICE === 0) yield query / queries;
    for (const head of heads) {
      const first = layer.sampleIndex(query, head, level, 0);
      for (let index = first; index < first + points; index++) {
        const weight = layer.weights[index] * weightScale;
        const x = layer.locations[2 * index] * scaleX + shiftX;
        const y = layer.locations[2 * index + 1] * scaleY + shiftY;
        total += weight;
        addToCorners(grid, height, width, x, y, weight);
      }
    }
  }
  return { level, grid, total, inside: grid.reduce((sum, mass) => sum + mass, 0) };
}

function addToCorners(grid, height, width, x, y, weight) {
  const column = Math.floor(x);
  const row = Math.floor(y);
  if (column < -1 || row < -1 || column >= width || row >= height) return;
  const right = x - column;
  const below = y - row;
  const at = row * width + column;
  if (row >= 0) {
    if (column >= 0) grid[at] += weight * (1 - right) * (1 - below);
    if (column + 1 < width) grid[at + 1] += weight * right * (1 - below);
  }
  if (row + 1 < height) {
    if (column >= 0) grid[at + width] += weight * (1 - right) * below;
    if (column + 1 < width) grid[at + width + 1] += weight * right * below;
  }
}

/**
 * Reverse look-up: how much each query reads from one cell of one level, all given heads together.
 * `total` equals the sampling mass of that cell. Returns { amounts [query], total, ranked }.
 */
export function queriesReading(layer, level, row, column, heads) {
  const [scaleX, shiftX, scaleY, shiftY] = storedToLevel(layer, level);
  const { queries, weight_scale: weightScale } = layer.header;
  const points = layer.pointsPerLevel[level];
  const amounts = new Float64Array(queries);
  let total = 0;
  for (let query = 0; query < queries; query++) {
    for (const head of heads) {
      const first = layer.sampleIndex(query, head, level, 0);
      for (let index = first; index < first + points; index++) {
        const awayX = Math.abs(layer.locations[2 * index] * scaleX + shiftX - column);
        if (awayX >= 1) continue;
        const awayY = Math.abs(layer.locations[2 * index + 1] * scaleY + shiftY - row);
        if (awayY < 1)
          amounts[query] += layer.weights[index] * weightScale * (1 - awayX) * (1 - awayY);
      }
    }
    total += amounts[query];
  }
  const ranked = [];
  for (let query = 0; query < queries; query++) {
    if (amounts[query] > 0) ranked.push({ query, amount: amounts[query] });
  }
  ranked.sort((a, b) => b.amount - a.amount);
  return { level, row, column, amounts, total, ranked };
}
