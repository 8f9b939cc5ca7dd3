// What is on show, in one line.
import { cellName } from "../kit/cells.js";
import { say } from "../kit/words.js";

export function sceneWords({ layer, view, query, knots }) {
  const { grid_hw: size, queries } = layer.header;
  const share = layer.objectShare(knots);
  const whose = view.importance
    ? say("canvas.grid.words.average", { queries })
    : cellName(layer, query);
  const parts = [whose, say("canvas.grid.words.knots", { height: size[0], width: size[1] })];
  if (share !== null)
    parts.push(say("canvas.grid.words.object", { share: Math.round(100 * share) }));
  if (view.pinned) parts.push(say("canvas.kit.words.pinned"));
  return parts.join(" · ");
}
