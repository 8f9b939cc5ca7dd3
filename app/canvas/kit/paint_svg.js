// Marks as SVG: for export, and for pictures whose marks are nodes one can drag. See marks.js.
import { markerOutline } from "./glyphs.js";
import { HALO_EXTRA, cellsImage } from "./paint.js";

const SVG = "http://www.w3.org/2000/svg";
const short = (number) => String(Math.round(number * 100) / 100);

/**
 * A node of SVG; strings among the children are set as text, never parsed.
 * @param {string} name
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function svgNode(name, attributes = {}, ...children) {
  const node = /** @type {SVGElement} */ (document.createElementNS(SVG, name));
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    node.setAttribute(key, typeof value === "number" ? short(value) : String(value));
  }
  node.append(...children);
  return node;
}

/**
 * Name and geometry of the node that has a mark's outline.
 * @returns {{ name: string, geometry: object }}
 */
function outline(mark) {
  const { kind, x, y, width, height } = mark;
  if (kind === "rect") return { name: "rect", geometry: { x, y, width, height } };
  const corners = mark.points ?? markerOutline(mark.shape, x, y, mark.size);
  if (!corners) return { name: "circle", geometry: { cx: x, cy: y, r: mark.size } };
  const points = corners.map(([cornerX, cornerY]) => `${short(cornerX)},${short(cornerY)}`);
  const name = kind === "line" ? "polyline" : "polygon";
  return { name, geometry: { points: points.join(" ") } };
}

/** An image as data; amounts stay exact, a photo may lose a little. */
function imageAddress(image, isPhoto) {
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth ?? image.width;
  canvas.height = image.naturalHeight ?? image.height;
  canvas.getContext("2d").drawImage(image, 0, 0);
  return isPhoto ? canvas.toDataURL("image/jpeg", 0.92) : canvas.toDataURL("image/png");
}

function imageNode(mark) {
  const { x, y, width, height, alpha, smooth, className } = mark;
  const image = mark.kind === "cells" ? cellsImage(mark) : mark.image;
  return svgNode("image", {
    x,
    y,
    width,
    height,
    class: className,
    opacity: alpha,
    preserveAspectRatio: "none",
    href: typeof image === "string" ? image : imageAddress(image, mark.kind === "image"),
    style: smooth ? undefined : "image-rendering:pixelated",
  });
}

function textNode(mark) {
  return svgNode(
    "text",
    {
      x: mark.x,
      y: mark.y,
      class: mark.className,
      fill: mark.fill,
      "text-anchor": { left: "start", center: "middle", right: "end" }[mark.align ?? "left"],
      "font-family": mark.font,
      "font-size": mark.size,
      "font-weight": mark.weight ?? 500,
      opacity: mark.alpha,
      stroke: mark.halo,
      "stroke-width": mark.halo ? (mark.haloWidth ?? 3) : undefined,
      "stroke-linejoin": "round",
      "paint-order": "stroke",
    },
    mark.text,
  );
}

/**
 * The nodes of one mark: one, or two where it has a halo.
 * @param {import("./marks.js").Mark} mark
 * @returns {SVGElement[]}
 */
export function svgMark(mark) {
  if (mark.kind === "image" || mark.kind === "cells") return [imageNode(mark)];
  if (mark.kind === "text") return [textNode(mark)];
  const { name, geometry } = outline(mark);
  const width = mark.lineWidth ?? 1;
  const dash = mark.dash?.length ? mark.dash.join(" ") : undefined;
  const halo =
    mark.halo &&
    svgNode(name, {
      ...geometry,
      fill: "none",
      stroke: mark.halo,
      "stroke-width": width + HALO_EXTRA,
      opacity: mark.alpha,
      "stroke-dasharray": dash,
    });
  const shape = svgNode(name, {
    ...geometry,
    class: mark.className,
    fill: mark.fill ?? "none",
    "fill-opacity": mark.fillAlpha,
    opacity: mark.alpha,
    stroke: mark.stroke ?? "none",
    "stroke-width": mark.stroke ? width : undefined,
    "stroke-dasharray": dash,
    "stroke-linejoin": "round",
  });
  return halo ? [halo, shape] : [shape];
}

/** The marks as one SVG document. */
export function paintAsSvg(marks, width, height, title) {
  const root = svgNode("svg", {
    viewBox: `0 0 ${short(width)} ${short(height)}`,
    width,
    height,
    role: "img",
  });
  root.append(svgNode("title", {}, title), ...marks.flatMap(svgMark));
  return new XMLSerializer().serializeToString(root);
}
