// Markers as small inline drawings, for legends, readouts and tables.
import { svgMark, svgNode } from "./paint_svg.js";

/** A marker of a shape; `stroke` is its edge. */
export function glyph(shape, fill, size = 15, stroke = "currentColor") {
  return svgNode(
    "svg",
    { viewBox: "-9 -9 18 18", width: size, height: size, "aria-hidden": "true" },
    ...svgMark({ kind: "marker", shape, x: 0, y: 0, size: 5.4, fill, stroke }),
  );
}
