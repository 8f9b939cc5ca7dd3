// What a drawing needs to know, the same for every picture. Nothing here needs a browser.
import { colourTable } from "./glyphs.js";

const FONT = "system-ui, sans-serif";
const tables = new WeakMap();

/** The colour table of a palette; made once. */
export function paletteTable(palette) {
  if (!tables.has(palette)) tables.set(palette, colourTable(palette.sequential));
  return tables.get(palette);
}

/** The palette as it is drawn on pictures: the colours of edge and halo beside it. */
function onPictures(palette) {
  const { edge, halo } = palette.light;
  return { ...palette, edge, halo };
}

/**
 * The state of one picture.
 * @param {{ layer: any, view: any, palette: any, picture?: any, query?: number, focus?: any,
 *   paths?: any[], compared?: any }} given `paths` of trails; `compared`, on the second of two
 *   pictures, the layer and query of the first
 */
export function pictureState({ layer, view, palette, picture, query, focus, paths, compared }) {
  return {
    layer,
    compared: compared ?? null,
    paths: paths ?? [],
    picture: picture ?? null,
    view,
    query: query ?? view.query,
    focus: focus ?? null,
    palette: onPictures(palette),
    table: paletteTable(palette),
    font: FONT,
  };
}
