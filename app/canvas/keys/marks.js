// On each picture, what the shown query may read under one kind of attention.
import { cellBox, cellOfQuery } from "../kit/cells.js";
import { applyAffine } from "../kit/frames.js";
import { stageRect, weightRadius } from "../kit/marks.js";
import { say } from "../kit/words.js";
import { TITLE_ROOM } from "./panels.js";

const TITLE_SIZE = 14;
const LETTER_WIDTH = 0.56; // of a bold letter, in shares of its size
const UNTRAINED_RADIUS = 3;

/** Large enough to read, small enough not to be cut off. */
function titleSize(title, room) {
  return Math.min(TITLE_SIZE, room / (LETTER_WIDTH * title.length));
}

/** The picture, darkened, below its title. */
export function pictureMarks(scene) {
  return scene.panels.flatMap(({ set, left, top, panelWidth, panelHeight }, panel) => {
    const box = { panel, kind: "rect", x: left, y: top, width: panelWidth, height: panelHeight };
    const title = { panel, kind: "text", font: scene.font, fill: "#ffffff", x: left + 8 };
    const [honesty] = set.honesty.split(",");
    const image = { ...box, kind: "image", image: scene.picture, smooth: true };
    return [
      { ...box, y: top - TITLE_ROOM, height: panelHeight + TITLE_ROOM, fill: "#20242e" },
      ...(scene.picture ? [image] : []),
      { ...box, fill: "#000000", alpha: scene.view.dim },
      {
        ...title,
        text: set.title,
        y: top - 24,
        size: titleSize(set.title, panelWidth - 16),
        weight: 700,
      },
      {
        ...title,
        text: say("canvas.keys.panel.counts", { count: set.per_head, honesty }),
        y: top - 8,
        size: 11.5,
      },
    ];
  });
}

/** On each picture a disc for each place that may be read, the heavy ones below, then the query. */
export function keyMarks(scene) {
  return scene.panels.flatMap((panel, index) =>
    [...placeMarks(scene, panel), cellMark(scene, panel)].map((mark) => ({
      ...mark,
      panel: index,
    })),
  );
}

function placeMarks({ layer, query, palette }, panel) {
  const { set, left, top, panelWidth, panelHeight, toStage } = panel;
  const keys = layer.keys(set, query).sort((a, b) => (b.weight ?? 0) - (a.weight ?? 0));
  return keys.flatMap(({ x, y, weight, head }) => {
    const [stageX, stageY] = applyAffine(toStage, x, y);
    const [across, down] = [stageX - left, stageY - top];
    if (across < 0 || down < 0 || across > panelWidth || down > panelHeight) return [];
    const untrained = weight === null;
    return [
      {
        kind: "marker",
        shape: "circle",
        of: { query, set: set.name, head, weight, x, y },
        x: stageX,
        y: stageY,
        stroke: "#11131a",
        lineWidth: 0.8,
        fillAlpha: 0.9,
        fill: untrained ? "#ffffff" : palette.heads[head % palette.heads.length],
        size: untrained
          ? UNTRAINED_RADIUS
          : weightRadius({ width: panelWidth, height: panelHeight }, weight),
      },
    ];
  });
}

/** The cell of the query, the same on every picture. */
function cellMark({ layer, query }, panel) {
  const { row, column } = cellOfQuery(layer, query);
  return {
    ...stageRect(panel, cellBox(layer, 0, row, column)),
    of: { query, row, column, set: panel.set.name, part: "query" },
    stroke: "#ffffff",
    lineWidth: 2,
    halo: "#000000",
  };
}
