// The same picture for all heads together and for each head: where each lies on the stage.
import { stageAspect } from "../kit/frames.js";

const GAP = 8;
const COLUMNS = 3;
const NARROW_COLUMNS = 2;
const NARROW = 560;
export const TITLE_ROOM = 24;

const columnsFor = (width) => (width < NARROW ? NARROW_COLUMNS : COLUMNS);
const pictures = ({ heads }) => heads + 1;

/** Width over height of the whole stage, whose container is `room` wide. */
export function denseAspect(header, view, room) {
  const columns = columnsFor(room);
  const rows = Math.ceil(pictures(header) / columns);
  const width = (room - (columns - 1) * GAP) / columns;
  return room / (rows * (width / stageAspect(header, true) + TITLE_ROOM) + (rows - 1) * GAP);
}

/** Where each picture lies on the stage, and its frame; head null: all of them. */
export function densePanels(layer, width, height) {
  const columns = columnsFor(width);
  const rows = Math.ceil(pictures(layer.header) / columns);
  const panelWidth = (width - (columns - 1) * GAP) / columns;
  const panelHeight = (height - (rows - 1) * GAP) / rows - TITLE_ROOM;
  return Array.from({ length: pictures(layer.header) }, (_, index) => {
    const left = (index % columns) * (panelWidth + GAP);
    const top = Math.floor(index / columns) * (panelHeight + TITLE_ROOM + GAP) + TITLE_ROOM;
    return {
      head: index ? index - 1 : null,
      left,
      top,
      panelWidth,
      panelHeight,
      toStage: [panelWidth, left, panelHeight, top],
    };
  });
}
