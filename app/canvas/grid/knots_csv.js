// The knots of a grid as numbers.
import { download } from "../kit/elements.js";
import { fileName } from "../kit/export.js";
import { applyAffine } from "../kit/frames.js";

export const KNOT_COLUMNS =
  "query,head,group,knot_row,knot_column,reference_x,reference_y,position_x,position_y," +
  "original_x_px,original_y_px,attention,position_bias,mean_attention";

/** A row for every knot of the shown heads, for one query. */
export function knotRows({ layer, view, query }) {
  const [, gridWidth] = layer.header.grid_hw;
  return layer
    .weighted(query, { heads: view.heads, importance: false })
    .map(({ head, group, knot, weight }) => {
      const [from, to] = [layer.place(group, knot, 0), layer.place(group, knot, 1)];
      return [
        query,
        head,
        group,
        Math.floor(knot / gridWidth),
        knot % gridWidth,
        ...from,
        ...to,
        ...applyAffine(layer.header.to_original, to[0], to[1]),
        weight,
        layer.bias(head, query, knot) ?? "",
        layer.importance(head)[knot],
      ].join(",");
    });
}

export function exportKnots(explorer) {
  const text = [KNOT_COLUMNS, ...knotRows(explorer), ""].join("\n");
  download(fileName(explorer, {}, "csv"), text, "text/csv");
}
