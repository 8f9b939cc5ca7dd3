// Frame changes. Coefficients come from deformviz/geometry.py; this file only applies them.

/**
 * x' = scaleX x + shiftX, y' = scaleY y + shiftY.
 * @param {ArrayLike<number> & Iterable<number>} affine
 * @returns {[number, number]}
 */
export function applyAffine(affine, x, y) {
  const [scaleX, shiftX, scaleY, shiftY] = affine;
  return [scaleX * x + shiftX, scaleY * y + shiftY];
}

/**
 * @param {ArrayLike<number> & Iterable<number>} affine
 * @returns {[number, number]}
 */
export function applyInverse(affine, x, y) {
  const [scaleX, shiftX, scaleY, shiftY] = affine;
  return [(x - shiftX) / scaleX, (y - shiftY) / scaleY];
}

/** Normalised lower right corner of the picture; (1, 1) unless the model padded it. */
export function pictureCorner(header) {
  const [height, width] = header.frame.original_hw;
  return applyAffine(header.edges_from_original, width, height);
}

export function hasPadding(header) {
  return pictureCorner(header).some((edge) => edge < 1 - 1e-6);
}

/**
 * Normalised points to CSS pixels of a stage that shows the picture, or all of the padded area,
 * `zoom` times enlarged around `centre` but never beyond its edges.
 */
export function stageAffine(header, { padding, zoom, centre }, width, height) {
  const [right, bottom] = padding ? [1, 1] : pictureCorner(header);
  const scales = [(zoom * width) / right, (zoom * height) / bottom];
  const shift = (axis, size) =>
    Math.min(
      0,
      Math.max(
        size * (1 - zoom),
        size / 2 - scales[axis] * (centre ?? [right / 2, bottom / 2])[axis],
      ),
    );
  return [scales[0], shift(0, width), scales[1], shift(1, height)];
}

const ROUNDING = 0.03; // how far whole pixels alone may change a picture's aspect

/** How much wider the original is than what the model saw of it, which may have been stretched. */
function stretch({ original_hw: original, resized_hw: resized }) {
  const wider = (original[1] * resized[0]) / (original[0] * resized[1]);
  return Math.abs(wider - 1) < ROUNDING ? 1 : wider;
}

/** Width over height of what the stage shows, a stretched picture in its own proportions. */
export function stageAspect(header, padding) {
  const [right, bottom] = padding ? [1, 1] : pictureCorner(header);
  const [height, width] = header.frame.padded_hw;
  return ((right * width) / (bottom * height)) * stretch(header.frame);
}

/** "picture", "padding" (inside the map, masked by the model) or "outside" (which fades to zeros). */
export function placeOf(header, x, y) {
  const [right, bottom] = pictureCorner(header);
  if (x < 0 || y < 0 || x > 1 || y > 1) return "outside";
  return x <= right && y <= bottom ? "picture" : "padding";
}

/**
 * A detection's box, edges in pixels of the original picture, as normalised corners.
 * @param {number[]} box
 */
export function normalisedBox(header, box) {
  const [x0, y0, x1, y1] = box;
  return [
    ...applyAffine(header.edges_from_original, x0, y0),
    ...applyAffine(header.edges_from_original, x1, y1),
  ];
}
