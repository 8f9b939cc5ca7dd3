// The picture as it is taken along: with its legend, a caption, and what to keep in mind.
import { surfaceMarks } from "./marks.js";

const MARGIN = 16;
const LINE = 20;
const LONG_SIDE = 1000;
const LETTER = 6.4; // width of a letter of the caption, on average
const FONT = "system-ui, sans-serif";

/** Break a line between words so that it fits a width in pixels. */
function wrapped(text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (longer.length * LETTER <= width || !lines.at(-1)) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/**
 * The picture with legend and caption below it on white paper; its size is not the screen's.
 * @param {import("./marks.js").Drawing} drawing
 * @param {any} state as a stage would draw it
 * @param {{ title?: string, note?: string }} facts what the surroundings know of the picture
 */
export function figureMarks(drawing, state, facts) {
  const aspect = drawing.aspect(state.layer.header, state.view, LONG_SIDE);
  const [width, height] =
    aspect > 1 ? [LONG_SIDE, LONG_SIDE / aspect] : [LONG_SIDE * aspect, LONG_SIDE];
  const scene = drawing.compose(state, width, height);
  const marks = Object.keys(drawing.surfaces).flatMap((surface) =>
    surfaceMarks(drawing, scene, surface),
  );
  const { ink, paper } = scene.palette.light;
  /** @type {import("./marks.js").Mark[]} */
  const legend = [];
  const say = (text, x, y) =>
    legend.push({ kind: "text", layer: "legend", text, x, y, size: 12, font: FONT, fill: ink });
  let [x, y] = [MARGIN, height + MARGIN + 8];
  for (const [shape, fill, text] of drawing.legend(scene)) {
    const room = 30 + 7.2 * text.length;
    if (x + room > width) [x, y] = [MARGIN, y + LINE];
    legend.push({
      kind: "marker",
      layer: "legend",
      shape,
      x: x + 6,
      y,
      size: 6,
      fill,
      stroke: ink,
    });
    say(text, x + 18, y + 4);
    x += room;
  }
  const lines = drawing.caption(scene, facts).flatMap((line) => wrapped(line, width - 2 * MARGIN));
  for (const text of lines) {
    y += LINE;
    say(text, MARGIN, y + 6);
  }
  const total = y + LINE + MARGIN / 2;
  const sheet = (top, tall) =>
    /** @type {const} */ ({
      kind: "rect",
      layer: "paper",
      x: 0,
      y: top,
      width,
      height: tall,
      fill: paper,
    });
  return {
    marks: [sheet(0, total), ...marks, sheet(height, total - height), ...legend],
    width,
    height: total,
    title: lines[0],
  };
}
