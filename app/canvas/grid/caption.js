// What an exported figure of a deformed grid says of itself.
import { cellName } from "../kit/cells.js";
import { say } from "../kit/words.js";

export function gridCaption({ layer, view, query }, facts) {
  const { header } = layer;
  const whose = view.importance ? say("canvas.grid.caption.average") : cellName(layer, query);
  const moved =
    view.slide < 1 ? say("canvas.grid.caption.slide", { share: Math.round(100 * view.slide) }) : "";
  return [
    [facts.title, header.model_label, header.layer, whose, moved].filter(Boolean).join(" · "),
    [header.honesty_label, facts.note].filter(Boolean).join(" · "),
    say("canvas.grid.caption.signs"),
    view.surface && layer.surface ? say("canvas.grid.caption.surface") : "",
  ].filter(Boolean);
}

/** @returns {[string, string, string][]} */
export function gridLegend({ view, palette: { heads } }) {
  return view.heads.map((head) => ["circle", heads[head % heads.length], `h${head}`]);
}
