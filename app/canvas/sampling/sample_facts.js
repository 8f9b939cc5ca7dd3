// Every number known of one sample, in one place: the readout, the table and the CSV show these.
import { applyAffine, placeOf } from "../kit/frames.js";
import { cornerCells } from "./bilinear.js";

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
    corners: cornerCells(levelPx[0], levelPx[1], height, width),
  };
}

/** Columns of the table and the CSV: heading, how to get the number, digits shown. */
export const COLUMNS = [
  { name: "head", value: (facts) => facts.head, digits: 0 },
  { name: "level", value: (facts) => facts.level, digits: 0 },
  { name: "point", value: (facts) => facts.point, digits: 0 },
  { name: "weight", value: (facts) => facts.weight, digits: 4 },
  { name: "x", value: (facts) => facts.x, digits: 4 },
  { name: "y", value: (facts) => facts.y, digits: 4 },
  { name: "x px", value: (facts) => facts.originalPx[0], digits: 1 },
  { name: "y px", value: (facts) => facts.originalPx[1], digits: 1 },
  { name: "Δx", value: (facts) => facts.offset[0], digits: 2 },
  { name: "Δy", value: (facts) => facts.offset[1], digits: 2 },
  { name: "where", value: (facts) => facts.place, digits: null },
];
