// Every number known of one sample, in one place: the readout, the table and the CSV show these.
import { applyAffine, placeOf } from "./frames.js";
import { cornerCells } from "./bilinear.js";

export const PLACE_WORDS = {
  picture: "in the picture",
  padding: "in the padding",
  outside: "outside the map",
};

export function sampleFacts(layer, sample) {
  const { header } = layer;
  const [height, width] = layer.levels[sample.level];
  const reference = layer.reference(sample.query, sample.level);
  const levelPx = applyAffine(header.to_levels[sample.level], sample.x, sample.y);
  const referencePx = applyAffine(header.to_levels[sample.level], reference.x, reference.y);
  return {
    ...sample,
    levelPx,
    paddedPx: applyAffine(header.to_padded, sample.x, sample.y),
    originalPx: applyAffine(header.to_original, sample.x, sample.y),
    offset: [levelPx[0] - referencePx[0], levelPx[1] - referencePx[1]],
    place: placeOf(header, sample.x, sample.y),
    row: Math.floor(levelPx[1] + 0.5),
    column: Math.floor(levelPx[0] + 0.5),
    corners: cornerCells(...levelPx, height, width),
  };
}

/** Columns of the table and the CSV: heading, how to get the number, digits shown. */
export const COLUMNS = [
  ["head", (facts) => facts.head, 0],
  ["level", (facts) => facts.level, 0],
  ["point", (facts) => facts.point, 0],
  ["weight", (facts) => facts.weight, 4],
  ["x", (facts) => facts.x, 4],
  ["y", (facts) => facts.y, 4],
  ["x px", (facts) => facts.originalPx[0], 1],
  ["y px", (facts) => facts.originalPx[1], 1],
  ["Δx", (facts) => facts.offset[0], 2],
  ["Δy", (facts) => facts.offset[1], 2],
  ["where", (facts) => facts.place, null],
];
