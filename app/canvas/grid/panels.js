// One picture, or two of the same size: the regular grid and the deformed one.
import { applyAffine, stageAffine, stageAspect } from "../kit/frames.js";

const GAP = 6;
const INSET = 7; // pixels between the edge and a knot that waits there
const NARROW = 560; // below it two pictures stand one over the other

/** Whether two pictures fit side by side into so many CSS pixels. */
function isStacked(width) {
  return width < NARROW;
}

/** Width over height of the whole stage, whose container is `room` wide. */
export function panelsAspect(header, view, room) {
  const one = stageAspect(header, view.padding);
  if (!view.split) return one;
  return isStacked(room) ? one / 2 : 2 * one;
}

/** Where each picture lies, what of the way its knots have gone, and its frame. */
export function panelsOf(header, view, width, height) {
  const shares = view.split ? [0, view.slide] : [view.slide];
  const stacked = view.split && width / height < stageAspect(header, view.padding);
  const size = (whole, cut) => (view.split && cut ? (whole - GAP) / 2 : whole);
  const [panelWidth, panelHeight] = [size(width, !stacked), size(height, stacked)];
  return shares.map((share, index) => {
    const x = stacked ? 0 : index * (panelWidth + GAP);
    const y = stacked ? index * (panelHeight + GAP) : 0;
    const frame = { padding: view.padding, zoom: 1, centre: null };
    const [scaleX, shiftX, scaleY, shiftY] = stageAffine(header, frame, panelWidth, panelHeight);
    return {
      share,
      left: x,
      top: y,
      panelWidth,
      panelHeight,
      isRegular: view.split && index === 0,
      toStage: [scaleX, shiftX + x, scaleY, shiftY + y],
    };
  });
}

/** The picture under a place of the stage; the nearest one from the gap. */
export function panelAt(panels, x, y) {
  return panels.findLast(({ left, top }) => x >= left && y >= top) ?? panels[0];
}

/** A knot on the stage; one beyond its picture waits at the edge. */
export function stagePlace(scene, panel, { group, knot }) {
  const [placeX, placeY] = scene.layer.place(group, knot, panel.share);
  const [x, y] = applyAffine(panel.toStage, placeX, placeY);
  const inside = (value, from, size) =>
    Math.min(from + size - INSET, Math.max(from + INSET, value));
  const stageX = inside(x, panel.left - INSET, panel.panelWidth + 2 * INSET);
  const stageY = inside(y, panel.top - INSET, panel.panelHeight + 2 * INSET);
  return { x: placeX, y: placeY, stageX, stageY, beyond: stageX !== x || stageY !== y };
}
