// Whether a prediction is right, and how far it is from the truth. Nothing here needs a browser.

/**
 * @typedef {object} Prediction
 * @property {"choice" | "number" | "place" | "drawing"} kind
 * @property {any} answer the number of the right choice; a number; or points [x, y], shares
 * @property {number} tolerance of a number relative, of a place a distance
 * @property {number | null} low
 * @property {number | null} high
 * @property {boolean} log
 */

/** @typedef {{ right: boolean, distance: number }} Judgement */

/**
 * @param {Prediction} asked
 * @param {any} said a choice's number, a number, or points [x, y]
 * @returns {Judgement} distance: 0 for right choices, relative for numbers, shares for places
 */
export function judge(asked, said) {
  if (asked.kind === "choice") {
    const right = said === asked.answer;
    return { right, distance: right ? 0 : 1 };
  }
  const distance = asked.kind === "number" ? ofNumbers(asked, said) : ofPlaces(asked.answer, said);
  return { right: distance <= asked.tolerance, distance };
}

/** Relative to the answer; on a logarithmic slider a factor counts the same up and down. */
function ofNumbers({ answer, log, high, low }, said) {
  if (log && said > 0 && answer > 0) return Math.max(said / answer, answer / said) - 1;
  return Math.abs(said - answer) / (Math.abs(answer) || high - low);
}

/** From the middle of what was said to the line of right places, or to the only one. */
function ofPlaces(right, said) {
  const middle = [0, 1].map((axis) => said.reduce((sum, at) => sum + at[axis], 0) / said.length);
  if (right.length === 1) return apart(middle, right[0]);
  return Math.min(...right.slice(1).map((to, index) => toSegment(middle, right[index], to)));
}

const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

function toSegment(at, from, to) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const along = ((at[0] - from[0]) * dx + (at[1] - from[1]) * dy) / (dx * dx + dy * dy || 1);
  const share = Math.min(1, Math.max(0, along));
  return apart(at, [from[0] + share * dx, from[1] + share * dy]);
}

const STEPS = 1000;

/** Where a number stands on its slider, 0 to 1000, and back. */
export function toSlider({ low, high, log }, value) {
  const share = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return Math.round(STEPS * Math.min(1, Math.max(0, share)));
}

export function fromSlider({ low, high, log }, step) {
  const share = step / STEPS;
  return log ? low * (high / low) ** share : low + share * (high - low);
}

/** A number as people write it: three figures, thousands apart. */
export function written(value, language = "en") {
  const digits =
    Math.abs(value) >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 4 };
  return value.toLocaleString(language, digits);
}
