// One packed layer in memory. The bytes are described in deformviz/tracing/packing.py.

const SUPPORTED_VERSION = 1;

export class PackedLayer {
  constructor(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    if (header.v !== SUPPORTED_VERSION) {
      throw new Error(
        `The trace has version ${header.v}, expected ${SUPPORTED_VERSION}. Reload the page.`,
      );
    }
    this.buffer = buffer;
    this.header = header;
    this.levels = header.levels;
    this.samplesPerHead = header.levels.length * header.points;
    this.samplesPerQuery = header.heads * this.samplesPerHead;
    const samples = header.queries * this.samplesPerQuery;
    const start = 4 + length;
    this.locations = new Uint16Array(buffer, start, 2 * samples);
    this.weights = new Uint16Array(buffer, start + 4 * samples, samples);
    this.referenceWidth = header.references === "boxes" ? 4 : 2;
    const floats = start + Math.ceil((6 * samples) / 4) * 4;
    this.references = new Float32Array(
      buffer,
      floats,
      header.queries * header.levels.length * this.referenceWidth,
    );
  }

  get isEncoder() {
    return this.header.kind === "encoder";
  }

  /** Index of a sample in `weights`; twice that in `locations`. */
  sampleIndex(query, head, level, point) {
    return (
      query * this.samplesPerQuery + head * this.samplesPerHead + level * this.header.points + point
    );
  }

  /** Where a sample falls and what it weighs: normalised x, y; weight 0 to 1. */
  sample(query, head, level, point) {
    const index = this.sampleIndex(query, head, level, point);
    const { location_scale: scale, location_zero: zero, weight_scale: weightScale } = this.header;
    return {
      query,
      head,
      level,
      point,
      x: this.locations[2 * index] * scale[0] + zero[0],
      y: this.locations[2 * index + 1] * scale[1] + zero[1],
      weight: this.weights[index] * weightScale,
    };
  }

  /** Reference of a query on a level: normalised x, y; width and height where it is a box. */
  reference(query, level = 0) {
    const at = (query * this.levels.length + level) * this.referenceWidth;
    const [x, y, width = null, height = null] = this.references.subarray(
      at,
      at + this.referenceWidth,
    );
    return { x, y, width, height };
  }

  /** The strongest samples of a query among visible heads and levels, best first. */
  strongest(query, { heads, levels, top }) {
    const found = [];
    for (const head of heads) {
      for (const level of levels) {
        for (let point = 0; point < this.header.points; point++) {
          found.push(this.sample(query, head, level, point));
        }
      }
    }
    found.sort((a, b) => b.weight - a.weight);
    return top ? found.slice(0, top) : found;
  }
}

/** Bytes as they were before gzip, if they were zipped at all. */
export async function unzipped(buffer) {
  const [first, second] = new Uint8Array(buffer, 0, 2);
  if (first !== 0x1f || second !== 0x8b) return buffer;
  return new Response(
    new Blob([buffer]).stream().pipeThrough(new DecompressionStream("gzip")),
  ).arrayBuffer();
}

/** A layer from bytes, gzip or not. */
export async function decodeLayer(buffer) {
  return new PackedLayer(await unzipped(buffer));
}

export async function fetchLayer(address, decode = decodeLayer) {
  const response = await fetch(address);
  if (!response.ok) {
    throw new Error(
      `The trace could not be loaded (${response.status}). ${(await response.text()).slice(0, 200)}`,
    );
  }
  return decode(await response.arrayBuffer());
}
