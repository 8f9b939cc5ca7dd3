// Whether a layer that is shown says what its model did: recorded layers are replayed from their
// trace, and the largest difference travels with them. Nothing here needs a browser.

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
  Number.isFinite(Number(difference)) ? Number(difference).toExponential(0) : "no number";

/** The badge's words, and what they mean. */
export function proofWords(proof) {
  const standing = standingOf(proof);
  if (standing === "unknown") return ["not replayed", "Nobody has replayed this layer."];
  const placed = proof.placement ?? null;
  const where =
    placed === null ? "" : ` Marks lie within ${placed.toFixed(2)} cells of what is read.`;
  const meaning =
    "Largest difference between this layer computed again from what is drawn and what the model's " +
    `own layer returned, as a share of its largest value; allowed: ${short(proof.tolerance)}.${where}`;
  if (standing === "proven") return [`replayed: ${short(proof.difference)}`, meaning];
  return [
    `does not agree with the model: ${short(proof.difference)}`,
    `${meaning} So nothing is drawn.`,
  ];
}
