// The same picture once for each kind of attention: where each lies on the stage.
import { stageAspect } from "../kit/frames.js";

const KEYS_GAP = 10;
export const TITLE_ROOM = 44;

/** How many pictures stand in a row of a stage so wide. */
function columnsFor(width, sets) {
  return width < 440 ? 1 : Math.min(sets, 3);
}

/** Width over height of the whole stage, whose container is `room` wide. */
export function keysAspect(header, view, room) {
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
