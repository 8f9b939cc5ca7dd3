// What is on show, in one line.
import { cellName } from "../kit/cells.js";

export function sceneWords({ layer, view, query, knots }) {
  const [height, width] = layer.header.grid_hw;
  const share = layer.objectShare(knots);
  const onObject =
    share === null ? "" : ` · ${Math.round(100 * share)} % of the attention is read on the object`;
  const whose = view.importance
    ? `average of ${layer.header.queries} queries`
    : cellName(layer, query);
  return `${whose} · ${height} × ${width} knots${onObject}${view.pinned ? " · pinned" : ""}`;
}
