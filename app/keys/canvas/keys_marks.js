// The same picture once for each kind of attention, and on each what the shown query may read.
import { applyAffine, stageAspect } from "../../explorer/canvas/frames.js";
import { weightRadius } from "../../explorer/canvas/layer_query.js";
import { cellBox, cellOfQuery, queryName } from "../../explorer/canvas/queries.js";

const KEYS_GAP = 10;
const TITLE_ROOM = 44;
const TITLE_SIZE = 14;
const LETTER_WIDTH = 0.56; // of a bold letter, in shares of its size
const UNTRAINED_RADIUS = 3;

/** How many pictures stand in a row of a stage so wide. */
function columnsFor(width, sets) {
  return width < 560 ? 1 : Math.min(sets, 3);
}

function keysAspect(header, view, room) {
  const columns = columnsFor(room, header.sets.length);
  const rows = Math.ceil(header.sets.length / columns);
  const width = (room - (columns - 1) * KEYS_GAP) / columns;
  return room / (rows * (width / stageAspect(header, false) + TITLE_ROOM) + (rows - 1) * KEYS_GAP);
}

/** Where each picture lies on the stage, and its frame. */
export function keyPanels(layer, width, height) {
  const sets = layer.sets.length;
  const columns = columnsFor(width, sets);
  const rows = Math.ceil(sets / columns);
  const panelWidth = (width - (columns - 1) * KEYS_GAP) / columns;
  const panelHeight = (height - (rows - 1) * KEYS_GAP) / rows - TITLE_ROOM;
  return layer.sets.map((set, index) => {
    const left = (index % columns) * (panelWidth + KEYS_GAP);
    const top = Math.floor(index / columns) * (panelHeight + TITLE_ROOM + KEYS_GAP) + TITLE_ROOM;
    return {
      set,
      left,
      top,
      panelWidth,
      panelHeight,
      toStage: [panelWidth, left, panelHeight, top],
    };
  });
}

function composeKeys(state, width, height) {
  return { ...state, width, height, panels: keyPanels(state.layer, width, height) };
}

/** Large enough to read, small enough not to be cut off. */
function titleSize(title, room) {
  return Math.min(TITLE_SIZE, room / (LETTER_WIDTH * title.length));
}

function pictureMarks(scene) {
  return scene.panels.flatMap(({ set, left, top, panelWidth, panelHeight }) => {
    const box = { x: left, y: top, width: panelWidth, height: panelHeight };
    const title = { type: "text", font: scene.font, fill: "#ffffff", x: left + 8 };
    return [
      {
        type: "rect",
        ...box,
        y: top - TITLE_ROOM,
        height: panelHeight + TITLE_ROOM,
        fill: "#20242e",
      },
      ...(scene.picture ? [{ type: "image", image: scene.picture, smooth: true, ...box }] : []),
      { type: "rect", fill: "#000000", alpha: scene.view.dim, ...box },
      {
        ...title,
        text: set.title,
        y: top - 24,
        size: titleSize(set.title, panelWidth - 16),
        weight: 700,
      },
      {
        ...title,
        text: `${set.per_head} keys per query and head · ${set.honesty.split(",")[0]}`,
        y: top - 8,
        size: 11.5,
      },
    ];
  });
}

function keyMarks(scene) {
  const { layer, query } = scene;
  const { row, column } = cellOfQuery(layer, query);
  return scene.panels.flatMap((panel) => {
    const { set, left, top, panelWidth, panelHeight, toStage } = panel;
    const marks = [];
    const keys = layer.keys(set, query).sort((a, b) => (b.weight ?? 0) - (a.weight ?? 0));
    for (const { x, y, weight, head } of keys) {
      const [stageX, stageY] = applyAffine(toStage, x, y);
      if (stageX < left || stageY < top || stageX > left + panelWidth || stageY > top + panelHeight)
        continue;
      const untrained = weight === null;
      marks.push({
        type: "circle",
        x: stageX,
        y: stageY,
        stroke: "#11131a",
        lineWidth: 0.8,
        fillAlpha: 0.9,
        fill: untrained ? "#ffffff" : scene.palette.heads[head % scene.palette.heads.length],
        radius: untrained
          ? UNTRAINED_RADIUS
          : weightRadius({ width: panelWidth, height: panelHeight }, weight),
      });
    }
    const [x0, y0, x1, y1] = cellBox(layer, 0, row, column);
    const [cellLeft, cellTop] = applyAffine(toStage, x0, y0);
    const [right, bottom] = applyAffine(toStage, x1, y1);
    marks.push({
      type: "rect",
      x: cellLeft,
      y: cellTop,
      width: right - cellLeft,
      height: bottom - cellTop,
      stroke: "#ffffff",
      lineWidth: 2,
      halo: "#000000",
    });
    return marks;
  });
}

/** The caption of an exported figure. */
function keysCaption(explorer, page) {
  return [
    [page.title, queryName(explorer.layer, explorer.query).replace("level 0 · ", "")]
      .filter(Boolean)
      .join(" · "),
    explorer.layer.sets
      .map((set) => `${set.title}: ${set.per_head} keys per head (${set.honesty})`)
      .join(". "),
    "White: may be read, whatever the weight. Colour: head, area: trained attention weight. Made with deformviz.",
  ];
}

const KEYS_SURFACES = { photo: [pictureMarks], marks: [keyMarks] };

/** What a Stage and a figure need to draw five kinds of attention. */
export const KEYS_DRAWING = {
  SURFACES: KEYS_SURFACES,
  composeScene: composeKeys,
  surfaceMarks: (scene, surface) => KEYS_SURFACES[surface].flatMap((layerOf) => layerOf(scene)),
  aspect: keysAspect,
  captionLines: keysCaption,
  legendTerms: () => [],
};
