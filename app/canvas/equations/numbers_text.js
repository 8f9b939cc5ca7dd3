// Numbers as text: short, and as exact as one can read at a glance.

/** A number, short. */
export function spelled(number) {
  if (Number.isInteger(number) && Math.abs(number) >= 1e4)
    return number.toLocaleString("en").replaceAll(",", "\u202f");
  if (number !== 0 && (Math.abs(number) < 0.001 || Math.abs(number) >= 1e5))
    return number.toExponential(1);
  return String(Number(number.toPrecision(4)));
}
