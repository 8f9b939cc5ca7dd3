// Training time as it is shown: logarithmic, since the drama is early, but with a place for 0.

const SOFTENER = 8; // iterations

export function softLog(iteration) {
  return Math.log10(iteration + SOFTENER);
}

/** The iteration at a place of the axis; the inverse of softLog. */
export function iterationAt(place) {
  return 10 ** place - SOFTENER;
}
