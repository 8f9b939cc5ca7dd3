// Marker shapes of equal area, and colours of amounts. Nothing here needs a browser.

const TURN = 2 * Math.PI;

/**
 * Corners of a regular polygon whose area equals that of a disc with radius 1.
 * @returns {[number, number][]}
 */
function equalAreaPolygon(corners, firstAngle) {
  const radius = Math.sqrt(TURN / (corners * Math.sin(TURN / corners)));
  return Array.from({ length: corners }, (_, corner) => {
    const angle = firstAngle + (corner * TURN) / corners;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}

const OUTLINES = {
  square: equalAreaPolygon(4, TURN / 8),
  diamond: equalAreaPolygon(4, 0),
  "triangle-up": equalAreaPolygon(3, -TURN / 4),
  pentagon: equalAreaPolygon(5, -TURN / 4),
};

/**
 * Corners of a marker around (x, y) whose area is that of a disc; null for the disc itself.
 * @returns {[number, number][] | null}
 */
export function markerOutline(shape, x, y, radius) {
  const outline = OUTLINES[shape];
  return outline ? outline.map(([dx, dy]) => [x + radius * dx, y + radius * dy]) : null;
}

function channels(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** Black or white, whichever stands out more from a colour given as #hex or rgb(). */
export function readableOn(colour) {
  const [red, green, blue] = colour.startsWith("#")
    ? channels(colour)
    : colour.match(/\d+/g).map(Number);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000000" : "#ffffff";
}

/** A table of `size` RGB triples along the stops of a colour map. */
export function colourTable(stops, size = 256) {
  const colours = stops.map(channels);
  const table = new Uint8ClampedArray(3 * size);
  for (let step = 0; step < size; step++) {
    const at = (step / (size - 1)) * (colours.length - 1);
    const from = Math.min(colours.length - 2, Math.floor(at));
    for (let channel = 0; channel < 3; channel++) {
      table[3 * step + channel] =
        colours[from][channel] +
        (at - from) * (colours[from + 1][channel] - colours[from][channel]);
    }
  }
  return table;
}

/** Colour of an amount between 0 and 1 as CSS text. */
export function amountColour(table, amount) {
  const step = Math.round(Math.min(1, Math.max(0, amount)) * (table.length / 3 - 1));
  return `rgb(${table[3 * step]}, ${table[3 * step + 1]}, ${table[3 * step + 2]})`;
}
