// Where each head's map lies: a block for each layer, its heads in rows of at most so many.
const GAP = 8;
const BLOCK_GAP = 14;
export const TITLE_ROOM = 26;
export const NUMBER_ROOM = 17;
const NARROW = 560;

function columnsFor(room, heads) {
  return room < NARROW ? Math.min(4, heads) : Math.min(8, heads);
}

/** Side of a map, and its columns, in a room so wide. */
function measure(layers, room) {
  const columns = columnsFor(room, Math.max(...layers.map(({ heads }) => heads)));
  return { columns, side: (room - (columns + 1) * GAP) / columns };
}

function blockHeight({ heads }, { columns, side }) {
  return TITLE_ROOM + Math.ceil(heads / columns) * (side + NUMBER_ROOM + GAP);
}

/** Width over height of the whole stage, whose container is `room` wide. */
export function atlasAspect({ layers }, _view, room) {
  const size = measure(layers, room);
  const heights = layers.map((layer) => blockHeight(layer, size));
  return room / heights.reduce((sum, height) => sum + height + BLOCK_GAP, -BLOCK_GAP);
}

/** Blocks of layers and tiles of heads, in stage pixels. */
export function atlasLayout({ layers }, width) {
  const size = measure(layers, width);
  const blocks = [];
  const tiles = [];
  let top = 0;
  for (const layer of layers) {
    const height = blockHeight(layer, size);
    blocks.push({ layer, top, height });
    for (let head = 0; head < layer.heads; head++) {
      const [row, column] = [Math.floor(head / size.columns), head % size.columns];
      tiles.push({
        layer,
        head,
        query: layer.first + head,
        side: size.side,
        left: GAP + column * (size.side + GAP),
        top: top + TITLE_ROOM + NUMBER_ROOM + row * (size.side + NUMBER_ROOM + GAP),
        column,
      });
    }
    top += height + BLOCK_GAP;
  }
  return { blocks, tiles, columns: size.columns };
}
