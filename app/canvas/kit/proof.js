// Whether a layer that is shown says what its model did: recorded layers are replayed from their
// trace, and the largest difference travels with them. Nothing here needs a browser.

import { say } from "./words.js";

/**
 * @param {any} proof of a header; nothing where nobody replayed the layer
 * @returns {"proven" | "wrong" | "unknown"}
 */
export function standingOf(proof) {
  if (!proof) return "unknown";
  return proof.difference <= proof.tolerance ? "proven" : "wrong"; // "nan" is no number either
}

/** The proof that says least good of what it belongs to. */
export function worstProof(proofs) {
  const rank = (proof) => ["proven", "unknown", "wrong"].indexOf(standingOf(proof));
  const worse = (one, other) =>
    rank(one) === rank(other)
      ? Number(other?.difference) > Number(one?.difference)
      : rank(other) > rank(one);
  return proofs.reduce((worst, proof) => (worse(worst, proof) ? proof : worst), proofs[0] ?? null);
}

const short = (difference) =>
  Number.isFinite(Number(difference))
    ? Number(difference).toExponential(0)
    : say("canvas.kit.proof.no_number");

/** The badge's words, and what they mean. */
export function proofWords(proof) {
  const standing = standingOf(proof);
  if (standing === "unknown")
    return [say("canvas.kit.proof.unknown"), say("canvas.kit.proof.unknown.means")];
  const { difference, tolerance, placement } = proof;
  const meaning = [say("canvas.kit.proof.meaning", { allowed: short(tolerance) })];
  if (typeof placement === "number")
    meaning.push(say("canvas.kit.proof.placed", { cells: placement.toFixed(2) }));
  if (standing === "wrong") meaning.push(say("canvas.kit.proof.nothing"));
  return [
    say(`canvas.kit.proof.${standing}`, { difference: short(difference) }),
    meaning.join(" "),
  ];
}
