// What all queries do with a map: the sampling mass with its scale, and who reads a place.
import { cellUnder } from "../kit/cells.js";
import { queriesReading, samplingMass } from "./bilinear.js";

const MASS_QUANTILE = 0.995; // the scale ends here, so that one hot cell does not darken the rest

/** Where the colour scale of a mass grid ends. */
function massCeiling(grid) {
  const sorted = Float64Array.from(grid).sort();
  return sorted[Math.floor((sorted.length - 1) * MASS_QUANTILE)] || sorted.at(-1) || 1;
}

/** The sampling mass of a level step by step; see `samplingMass`. Returns it with its `ceiling`. */
export function* scaledMass(layer, level, heads) {
  const mass = yield* samplingMass(layer, level, heads);
  return { ...mass, ceiling: massCeiling(mass.grid) };
}

/** Who reads the cell of the shown level under a normalised place. */
export function readersOf(layer, view, place) {
  const { row, column } = cellUnder(layer, view.level, place[0], place[1]);
  return queriesReading(layer, view.level, row, column, view.heads);
}

/** A state with what its view asks for, computed at once. */
export function withAmounts(state) {
  const { layer, view } = state;
  let mass = null;
  if (view.mass) {
    const work = scaledMass(layer, view.level, view.heads);
    let step = work.next();
    while (!step.done) step = work.next();
    mass = step.value;
  }
  const lookup = view.reverse && view.lookup ? readersOf(layer, view, view.lookup) : null;
  return { ...state, mass, lookup };
}
