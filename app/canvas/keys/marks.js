// On each picture, what the shown query may read under one kind of attention.
import { cellBox, cellOfQuery } from "../kit/cells.js";
import { applyAffine } from "../kit/frames.js";
import { stageRect, weightRadius } from "../kit/marks.js";
import { say } from "../kit/words.js";
import { TITLE_ROOM } from "./panels.js";

const TITLE_SIZE = 14;
const LETTER_WIDTH = 0.56; // of a bold letter, in shares of its size
const UNTRAINED_RADIUS = 3;
const STARS = { moves: "#ff6b6b", stays: "#5ab4ff" }; // the red and the blue star of Figure 1
const RING = 1.5; // stage pixels between a place and the ring around it

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

/** Whether a second query was left behind. */
export const hasOther = (view) => Number.isInteger(view.other);

/** On each picture a disc for each place that may be read, the heavy ones below, then the query. */
export function keyMarks(scene) {
  return scene.panels.flatMap((panel, index) =>
    [...placeMarks(scene, panel), cellMark(scene, panel)].map((mark) => ({
      ...mark,
      panel: index,
    })),
  );
}

/** Where a second query was left: its cell, and a ring around each place that it may read. */
export function otherMarks(scene) {
  const query = scene.view.other;
  if (!hasOther(scene.view)) return [];
  return scene.panels.flatMap((panel, index) =>
    [
      ...placesOn(scene.layer, query, panel).map(({ radius, ...place }) => ({
        ...place,
        stroke: STARS.stays,
        lineWidth: 1.6,
        size: radius + RING,
      })),
      cellOf(scene.layer, query, panel, STARS.stays, "other"),
    ].map((mark) => ({ ...mark, panel: index })),
  );
}

function placeMarks({ layer, query, palette }, panel) {
  return placesOn(layer, query, panel).map(({ radius, ...place }) => {
    const { weight, head } = place.of;
    const untrained = weight === null;
    return {
      ...place,
      stroke: "#11131a",
      lineWidth: 0.8,
      fillAlpha: 0.9,
      fill: untrained ? "#ffffff" : palette.heads[head % palette.heads.length],
      size: radius,
    };
  });
}

/** The places on a picture that a query may read, the heavy ones first, and how large they are. */
function placesOn(layer, query, { set, left, top, panelWidth, panelHeight, toStage }) {
  const keys = layer.keys(set, query).sort((a, b) => (b.weight ?? 0) - (a.weight ?? 0));
  return keys.flatMap(({ x, y, weight, head }) => {
    const [stageX, stageY] = applyAffine(toStage, x, y);
    const [across, down] = [stageX - left, stageY - top];
    if (across < 0 || down < 0 || across > panelWidth || down > panelHeight) return [];
    const radius =
      weight === null
        ? UNTRAINED_RADIUS
        : weightRadius({ width: panelWidth, height: panelHeight }, weight);
    const of = { query, set: set.name, head, weight, x, y };
    return [{ kind: "marker", shape: "circle", of, x: stageX, y: stageY, radius }];
  });
}

/** The cell of the query, the same on every picture; red where another one was left behind. */
const cellMark = ({ layer, query, view }, panel) =>
  cellOf(layer, query, panel, hasOther(view) ? STARS.moves : "#ffffff", "query");

function cellOf(layer, query, panel, stroke, part) {
  const { row, column } = cellOfQuery(layer, query);
  return {
    ...stageRect(panel, cellBox(layer, 0, row, column)),
    of: { query, row, column, set: panel.set.name, part },
    stroke,
    lineWidth: 2,
    halo: "#000000",
  };
}
