// What is on show as one still picture: start, now and end side by side, with legend and caption.
import { download } from "../kit/elements.js";
import { figureMarks } from "../kit/figure.js";
import { surfaceMarks } from "../kit/marks.js";
import { paintOnCanvas } from "../kit/paint.js";
import { svgMark, svgNode } from "../kit/paint_svg.js";
import { say } from "../kit/words.js";

const PANEL_WIDTH = 520;
const GAP = 12;
const CAPTION = 26; // above each picture
const PNG_SCALE = 2;
const FONT = "system-ui, sans-serif";

const moved = (mark, dx, dy) => ({
  ...mark,
  ...(mark.points
    ? { points: mark.points.map(([x, y]) => [x + dx, y + dy]) }
    : { x: mark.x + dx, y: mark.y + dy }),
});

/**
 * The first run's pictures: { panels: [{ x, y, width, height, marks }], marks, width, height, title },
 * the marks of a panel in its own pixels.
 */
export function stillOf(replayer, theatre) {
  const { run, kind } = replayer;
  const { drawing } = kind;
  const moments = replayer.beside ? ["first", "last"] : ["first", "now", "last"];
  const states = moments.map((when) => replayer.pictureState(run, when));
  if (states.some((state) => !state)) throw new Error(say("canvas.replay.still.waits"));
  const { header } = states[0].layer;
  const height = PANEL_WIDTH / drawing.aspect(header, states[0].view, PANEL_WIDTH);
  const width = moments.length * (PANEL_WIDTH + GAP) - GAP;
  const panels = states.map((state, index) => {
    const scene = drawing.compose(state, PANEL_WIDTH, height);
    const marks = Object.keys(drawing.surfaces).flatMap((surface) =>
      surfaceMarks(drawing, scene, surface),
    );
    return { x: index * (PANEL_WIDTH + GAP), y: CAPTION, width: PANEL_WIDTH, height, marks };
  });
  const below = figureMarks(drawing, states.at(-1), { title: run.manifest.title });
  const [, sheet] = below.marks.filter(({ layer }) => layer === "paper");
  const legend = below.marks.filter(({ layer }) => layer === "legend");
  const { ink, paper } = states[0].palette.light;
  const total = CAPTION + height + sheet.height;
  const titles = moments.map((when, index) => ({
    kind: "text",
    text: theatre.caption(run, when),
    x: panels[index].x + 4,
    y: CAPTION - 9,
    size: 13,
    font: FONT,
    fill: ink,
  }));
  return {
    panels,
    marks: [...titles, ...legend.map((mark) => moved(mark, 0, CAPTION + height - sheet.y))],
    ground: { kind: "rect", x: 0, y: 0, width, height: total, fill: paper },
    width,
    height: total,
    title: below.title,
  };
}

function svgOf(still) {
  const { panels, marks, ground, width, height, title } = still;
  const root = svgNode("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
  const inner = panels.map(({ marks: own, ...box }) =>
    svgNode(
      "svg",
      { ...box, viewBox: `0 0 ${box.width} ${box.height}`, overflow: "hidden" },
      ...own.flatMap(svgMark),
    ),
  );
  root.append(svgNode("title", {}, title), ...svgMark(ground), ...inner, ...marks.flatMap(svgMark));
  return new XMLSerializer().serializeToString(root);
}

async function pngOf({ panels, marks, ground, width, height }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height].map((side) => Math.round(side * PNG_SCALE));
  const context = canvas.getContext("2d");
  context.scale(PNG_SCALE, PNG_SCALE);
  paintOnCanvas(context, [ground]);
  for (const panel of panels) {
    context.save();
    context.translate(panel.x, panel.y);
    context.beginPath();
    context.rect(0, 0, panel.width, panel.height);
    context.clip();
    paintOnCanvas(context, panel.marks);
    context.restore();
  }
  paintOnCanvas(context, marks);
  return new Promise((resolve) => {
    canvas.toBlob(resolve, "image/png");
  });
}

const nameOf = ({ run, layerName, iteration }, ending) =>
  `${run.manifest.name}-${layerName}-${iteration}.${ending}`;

/** [name, function] of each file, for a menu. */
export function stillFiles(replayer, theatre) {
  return [
    [
      say("canvas.replay.export.png"),
      async () => download(nameOf(replayer, "png"), await pngOf(stillOf(replayer, theatre))),
    ],
    [
      say("canvas.replay.export.svg"),
      () => download(nameOf(replayer, "svg"), svgOf(stillOf(replayer, theatre)), "image/svg+xml"),
    ],
  ];
}
