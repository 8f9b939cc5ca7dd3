// What a deformed grid says of itself when it is taken along: caption, legend, numbers as CSV.
import { download } from "../../explorer/canvas/elements.js";
import { applyAffine } from "../../explorer/canvas/frames.js";
import { panelsAspect } from "./grid_panels.js";

export function gridCaption(explorer, page) {
  const { layer, view, query } = explorer;
  const { header } = layer;
  const whose = view.importance ? "average over all queries" : explorer.queryWords(query);
  const moved = view.slide < 1 ? `deformation ${Math.round(100 * view.slide)} %` : "";
  return [
    [page.title, header.model_label, header.layer, whose, moved].filter(Boolean).join(" · "),
    [header.honesty_label, page.note].filter(Boolean).join(" · "),
    "Mesh: deformed grid. Colour: head. Area: attention weight. Dots: undeformed grid. Made with deformviz.",
    view.surface && layer.surface
      ? "Surface: position bias of the query, dark low to light high."
      : "",
  ].filter(Boolean);
}

export function gridLegend({ view, palette }) {
  return view.heads.map((head) => [
    "circle",
    palette.heads[head % palette.heads.length],
    `h${head}`,
  ]);
}

export const gridAspect = panelsAspect;

/** Every knot of the shown heads, for the shown query. */
export function knotsAsCsv({ layer, view, query }) {
  const [, gridWidth] = layer.header.grid_hw;
  const rows = layer
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
        ...applyAffine(layer.header.to_original, ...to),
        weight,
        layer.bias(head, query, knot) ?? "",
        layer.importance(head)[knot],
      ].join(",");
    });
  return [
    "query,head,group,knot_row,knot_column,reference_x,reference_y,position_x,position_y," +
      "original_x_px,original_y_px,attention,position_bias,mean_attention",
    ...rows,
    "",
  ].join("\n");
}

export function exportKnots(explorer) {
  download(
    `deformviz-${explorer.layer.header.layer}-query-${explorer.query}.csv`,
    knotsAsCsv(explorer),
    "text/csv",
  );
}
