// Layers whose heads the map shows: sampling points, or dense attention.
import { decodeDense } from "../dense/decode.js";
import { readHeader } from "../kit/packed.js";
import { decodeLayer } from "../sampling/decode.js";

const DENSE = "dense";

/** A layer from bytes that are not zipped. */
export function decodeEither(buffer) {
  const { header } = readHeader(buffer, ["encoder", "decoder", DENSE]);
  return header.kind === DENSE ? decodeDense(buffer) : decodeLayer(buffer);
}
