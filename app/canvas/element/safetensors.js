// Arrays of a safetensors file: eight bytes with the length of a JSON header, the header, the arrays.

const LENGTH_BYTES = 8;
const MOST_HEADER_BYTES = 4 * 2 ** 20; // as deformviz/tracing/recording_file.py allows

/** A number of 16 bits: sign, exponent of `exponentBits`, fraction. */
function fromHalf(bits, exponentBits) {
  const fractionBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits & 0x7fff) >> fractionBits;
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}

const halves = (exponentBits) => (bytes) =>
  Float32Array.from(new Uint16Array(bytes), (bits) => fromHalf(bits, exponentBits));

/** Numbers of an array by its type; all are exact in what they become. */
const READERS = {
  F64: (bytes) => new Float64Array(bytes),
  F32: (bytes) => new Float32Array(bytes),
  F16: halves(5),
  BF16: halves(8),
  I64: (bytes) => Float64Array.from(new BigInt64Array(bytes), Number),
  I32: (bytes) => new Int32Array(bytes),
  U8: (bytes) => new Uint8Array(bytes),
};

/**
 * What a safetensors file holds.
 * @param {ArrayBuffer} buffer
 * @returns {{ metadata: Record<string, string>, whole: boolean,
 *   array: (name: string) => { shape: number[], numbers: any } | null }} or null where it is none
 */
export function readSafetensors(buffer) {
  if (buffer.byteLength <= LENGTH_BYTES) return null;
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  if (length > Math.min(MOST_HEADER_BYTES, buffer.byteLength - LENGTH_BYTES)) return null;
  const start = LENGTH_BYTES + length;
  let header;
  try {
    header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, LENGTH_BYTES, length)));
  } catch {
    return null;
  }
  const array = (name) => {
    const told = header[name];
    if (!told) return null;
    const [from, to] = told.data_offsets;
    const read = READERS[told.dtype];
    if (!read || to > buffer.byteLength - start) return null;
    return { shape: told.shape, numbers: read(buffer.slice(start + from, start + to)) };
  };
  const { __metadata__: metadata = {}, ...arrays } = header;
  const ends = Object.values(arrays).map((told) => told.data_offsets[1]);
  const whole = ends.every((end) => end <= buffer.byteLength - start);
  return { metadata, whole, array };
}
