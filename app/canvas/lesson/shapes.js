// Shapes and counts of layers by the formulas of the papers. Nothing here needs a browser.

const FIRST_STRIDE = 8; // pixels of the picture in one of the finest level
const PATCH = 4; // pixels of the picture in one of a first stage's map
const STEP = 64; // what the original operator is called with

/** [height, width] of each level: half the one before it, rounded up. */
export function levelSizes(height, width, levels) {
  const half = (side) => Math.ceil(side / 2);
  const sizes = [[Math.ceil(height / FIRST_STRIDE), Math.ceil(width / FIRST_STRIDE)]];
  while (sizes.length < levels) sizes.push(sizes.at(-1).map(half));
  return sizes;
}

/**
 * What the operator is called with, the six arguments in the encoder, where every pixel asks, and in
 * the decoder; and what it returns.
 * @param {{ height: number, width: number, pictures: number, queries: number, channels: number,
 *   heads: number, levels: number, points: number }} given
 */
export function operatorArguments(given) {
  const { height, width, pictures, queries, channels, heads, levels, points } = given;
  const sizes = levelSizes(height, width, levels);
  const counts = sizes.map(([rows, columns]) => rows * columns);
  const starts = counts.map((_, at) => counts.slice(0, at).reduce((sum, one) => sum + one, 0));
  const pixels = counts.reduce((sum, one) => sum + one, 0);
  const both = (shape) => [shape, shape];
  const asked = (tail) => [pixels, queries].map((count) => [pictures, count, ...tail]);
  const step = Math.min(pictures, STEP);
  return {
    sizes,
    counts,
    starts,
    pixels,
    rows: [
      ["value", ...both([pictures, pixels, heads, channels / heads])],
      ["spatial_shapes", ...both([levels, 2])],
      ["level_start_index", ...both([levels])],
      ["sampling_locations", ...asked([heads, levels, points, 2])],
      ["attention_weights", ...asked([heads, levels, points])],
      ["im2col_step", ...both(step)],
      ["→ output", ...asked([channels])],
    ],
  };
}

const WINDOW = 32; // windows are as large as the picture over this, so that they tile every map

/**
 * Keys of one query in a layer: L and S look at a window, N at a neighborhood, D at its grid.
 * @param {string} letter
 * @param {number} map its side, a multiple of the stride
 * @param {number} side of the picture
 */
export function keysOf(letter, map, side, { neighborhood, stride }) {
  if (letter === "D") return (map / stride) ** 2;
  return Math.min(letter === "N" ? neighborhood : side / WINDOW, map) ** 2;
}

/**
 * The stages of a model of pictures of `side`: map, queries, and each kind of layer with its keys.
 * @param {number} side a multiple of 32
 * @param {Array<{ blocks: string, stride: number, neighborhood: number }>} stages
 */
export function stageRows(side, stages) {
  return stages.map((stage, at) => {
    const map = side / PATCH / 2 ** at;
    const letters = [...new Set(stage.blocks)];
    return {
      map,
      queries: map * map,
      layers: letters.map((letter) => {
        const keys = keysOf(letter, map, side, stage);
        const count = [...stage.blocks].filter((one) => one === letter).length;
        return { letter, count, keys, pairs: map * map * keys };
      }),
    };
  });
}
