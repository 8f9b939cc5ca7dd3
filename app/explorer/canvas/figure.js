// The picture as it is taken along: with its legend, a caption, and what to keep in mind.
import { stageAspect } from "./frames.js";
import { markerMark } from "./glyphs.js";
import { queryName } from "./queries.js";

const MARGIN = 16;
const LINE = 20;
const LONG_SIDE = 1000;
const LETTER = 6.4; // width of a letter of the caption, on average
const FONT = "system-ui, sans-serif";

/** What the picture shows, in one line, what to keep in mind, and what its signs mean. */
function captionLines(explorer, page, scene) {
  const { layer, view } = explorer;
  const { header } = layer;
  const what = [
    page.title,
    header.model_label,
    header.layer,
    view.reverse ? "reverse look-up" : queryName(layer, explorer.query),
    view.top ? `the ${view.top} heaviest points` : "",
  ];
  return [
    what.filter(Boolean).join(" · "),
    [header.honesty_label, page.note].filter(Boolean).join(" · "),
    view.reverse ? lookupSigns(scene) : sampleSigns(scene),
    view.mass && scene.mass
      ? `Map: sampling mass per cell of level ${scene.mass.level}, dark 0 to light ` +
        `${scene.mass.ceiling.toPrecision(3)} and more.`
      : "",
  ].filter(Boolean);
}

function sampleSigns({ view, mostWeight }) {
  const colour = {
    head: "head",
    level: "level",
    weight: `attention weight, dark 0 to light ${mostWeight.toFixed(3)}`,
    outside: "in or out of the map",
  }[view.colour];
  return `Colour: ${colour}. Shape: level. Area: attention weight. Cross: reference. Made with deformviz.`;
}

function lookupSigns({ lookup }) {
  if (!lookup) return "No place is looked up. Made with deformviz.";
  const { ranked, row, column, level } = lookup;
  return (
    `Queries that read cell (${row}, ${column}) of level ${level}, dark 0 to light ` +
    `${(ranked[0]?.amount ?? 0).toFixed(3)}. Made with deformviz.`
  );
}

/** Legend terms [shape, fill, text] for what the colours and shapes of this picture mean. */
function legendTerms({ view, palette }) {
  if (view.reverse) return [];
  const { paper } = palette.light;
  const colours =
    {
      head: view.heads.map((head) => [
        "circle",
        palette.heads[head % palette.heads.length],
        `h${head}`,
      ]),
      outside: [
        ["circle", palette.places.picture, "in the picture"],
        ["circle", palette.places.padding, "in the padding"],
        ["circle", palette.places.outside, "outside the map"],
      ],
    }[view.colour] ?? [];
  const shapes = view.levels.map((level) => [
    palette.marks[level % palette.marks.length],
    view.colour === "level" ? palette.levels[level] : paper,
    `level ${level}`,
  ]);
  return [...colours, ...shapes];
}

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

/** What the figure of sampling points says; other drawings say it themselves. */
const SAMPLING_FIGURE = {
  captionLines,
  legendTerms,
  aspect: (header, view) => stageAspect(header, view.padding),
};

/** The picture with legend and caption below it on white paper; its size is not the screen's. */
export function figureMarks(explorer, page) {
  const drawing = { ...SAMPLING_FIGURE, ...explorer.stage.drawing };
  const aspect = drawing.aspect(explorer.layer.header, explorer.view, LONG_SIDE);
  const [width, height] =
    aspect > 1 ? [LONG_SIDE, LONG_SIDE / aspect] : [LONG_SIDE * aspect, LONG_SIDE];
  const scene = drawing.composeScene(explorer.state(), width, height);
  const marks = Object.keys(drawing.SURFACES).flatMap((surface) =>
    drawing.surfaceMarks(scene, surface),
  );
  const { ink, paper } = scene.palette.light;
  const legend = [];
  let [x, y] = [MARGIN, height + MARGIN + 8];
  const put = (shape, fill, text) => {
    const room = 30 + 7.2 * text.length;
    if (x + room > width) [x, y] = [MARGIN, y + LINE];
    legend.push(markerMark(shape, x + 6, y, 6, { fill, stroke: ink }), {
      type: "text",
      text,
      x: x + 18,
      y: y + 4,
      size: 12,
      font: FONT,
      fill: ink,
    });
    x += room;
  };
  for (const term of drawing.legendTerms(scene)) put(...term);
  const lines = drawing
    .captionLines(explorer, page, scene)
    .flatMap((line) => wrapped(line, width - 2 * MARGIN));
  for (const text of lines) {
    y += LINE;
    legend.push({ type: "text", text, x: MARGIN, y: y + 6, size: 12, font: FONT, fill: ink });
  }
  const total = y + LINE + MARGIN / 2;
  const sheet = { type: "rect", x: 0, y: 0, width, height: total, fill: paper };
  const strip = { type: "rect", x: 0, y: height, width, height: total - height, fill: paper };
  return { marks: [sheet, ...marks, strip, ...legend], width, height: total, title: lines[0] };
}
