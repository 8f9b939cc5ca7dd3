// What an exported figure of a deformed grid says of itself.
import { cellName } from "../kit/cells.js";

export function gridCaption({ layer, view, query }, facts) {
  const { header } = layer;
  const whose = view.importance ? "average over all queries" : cellName(layer, query);
  const moved = view.slide < 1 ? `deformation ${Math.round(100 * view.slide)} %` : "";
  return [
    [facts.title, header.model_label, header.layer, whose, moved].filter(Boolean).join(" · "),
    [header.honesty_label, facts.note].filter(Boolean).join(" · "),
    "Mesh: deformed grid. Colour: head. Area: attention weight. Dots: undeformed grid. Made with deformviz.",
    view.surface && layer.surface
      ? "Surface: position bias of the query, dark low to light high."
      : "",
  ].filter(Boolean);
}

/** @returns {[string, string, string][]} */
export function gridLegend({ view, palette: { heads } }) {
  return view.heads.map((head) => ["circle", heads[head % heads.length], `h${head}`]);
}
