// Packed traces: a header of JSON, then arrays; see deformviz/tracing/packing.py.
import { say } from "./words.js";

export const VERSION = 1;
const PIECE = 32768; // letters handed to one call

/** Bytes as they come: of a fetch, or of a notebook's message. */
export function bytesOf(given) {
  if (!ArrayBuffer.isView(given)) return given;
  return given.buffer.slice(given.byteOffset, given.byteOffset + given.byteLength);
}

/** The header of a packed trace, and where its arrays begin. The text is plain ASCII. */
export function readHeader(buffer, kinds) {
  const length = new DataView(buffer).getUint32(0, true);
  let text = "";
  for (let at = 0; at < length; at += PIECE) {
    const piece = new Uint8Array(buffer, 4 + at, Math.min(PIECE, length - at));
    text += String.fromCharCode(...piece);
  }
  const header = JSON.parse(text);
  if (header.v !== VERSION || !kinds.includes(header.kind)) {
    throw new Error(
      say("canvas.kit.trace.foreign", { kind: header.kind, version: header.v, expected: VERSION }),
    );
  }
  return { header, start: 4 + length };
}

/** Takes arrays from a buffer, one after the other; null for one that is not wanted. */
export function arrayTaker(buffer, start) {
  let at = start;
  return (Kind, count, wanted = true) => {
    if (!wanted) return null;
    const array = new Kind(buffer, at, count);
    at += array.byteLength;
    return array;
  };
}

/** Bytes as they were before gzip, if they were zipped at all. */
export async function unzipped(given) {
  const buffer = bytesOf(given);
  const [first, second] = new Uint8Array(buffer, 0, 2);
  if (first !== 0x1f || second !== 0x8b) return buffer;
  return new Response(
    new Blob([buffer]).stream().pipeThrough(new DecompressionStream("gzip")),
  ).arrayBuffer();
}

/**
 * What `read` reads; where the line breaks, or what came is cut or damaged, an error with a sentence.
 * Ours are plain errors; those of a browser speak of bytes, in its own language.
 */
export async function whole(read, sentence) {
  try {
    return await read();
  } catch (problem) {
    if (problem.constructor === Error) throw problem;
    throw new Error(sentence(), { cause: problem });
  }
}

/** A trace from an address, read by `decode`. */
export function fetchTrace(address, decode) {
  async function read() {
    const response = await fetch(address);
    if (!response.ok) {
      throw new Error(
        say("canvas.kit.trace.missing", {
          status: response.status,
          problem: (await response.text()).slice(0, 200),
        }),
      );
    }
    return decode(await unzipped(await response.arrayBuffer()));
  }
  return whole(read, () => say("canvas.kit.trace.broken"));
}
