// How points of a recorded picture get from one frame into another, as deformviz/geometry.py has it: a
// recording tells sizes alone, where a packed trace brings the coefficients. A test compares both.

/** @typedef {[number, number, number, number]} Affine scaleX, shiftX, scaleY, shiftY */

/** @type {(first: Affine, second: Affine) => Affine} */
const then = ([ax, bx, ay, by], [cx, dx, cy, dy]) => [ax * cx, bx * cx + dx, ay * cy, by * cy + dy];

/** @type {(affine: Affine) => Affine} */
const inverse = ([ax, bx, ay, by]) => [1 / ax, -bx / ax, 1 / ay, -by / ay];

/** @type {(hw: number[]) => Affine} */
const normalisedToPixels = ([height, width]) => [width, -0.5, height, -0.5];

/** @type {Affine} */
const EDGE_TO_INDEX = [1, -0.5, 1, -0.5]; // box edges count from the corner of a pixel

/**
 * Every frame change a canvas applies.
 * @param {{ original_hw: number[], resized_hw: number[], padded_hw: number[] }} frame
 * @param {number[][]} shapes height and width of each level
 */
export function frameAffines(frame, shapes) {
  const { original_hw: original, resized_hw: resized, padded_hw: padded } = frame;
  const [scaleY, scaleX] = [original[0] / resized[0], original[1] / resized[1]];
  /** @type {Affine} */
  const resizedToOriginal = [scaleX, 0.5 * scaleX - 0.5, scaleY, 0.5 * scaleY - 0.5];
  const toOriginal = then(normalisedToPixels(padded), resizedToOriginal);
  return {
    to_original: toOriginal,
    from_original: inverse(toOriginal),
    edges_from_original: then(EDGE_TO_INDEX, inverse(toOriginal)),
    to_padded: normalisedToPixels(padded),
    valid_to_padded: [resized[1] / padded[1], 0, resized[0] / padded[0], 0],
    to_levels: shapes.map(normalisedToPixels),
  };
}
