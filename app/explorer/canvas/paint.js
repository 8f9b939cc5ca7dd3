// Two ways to draw the same list of marks: on a canvas, and as SVG for export.
// Marks: image, rect, line, polygon, circle, text. Lengths in CSS pixels.
// `halo` is a second, wider stroke below the first, so that a mark shows on any picture.

const HALO_EXTRA = 2;

function trace(context, mark) {
  context.beginPath();
  if (mark.type === "circle") context.arc(mark.x, mark.y, mark.radius, 0, 2 * Math.PI);
  else if (mark.type === "rect") context.rect(mark.x, mark.y, mark.width, mark.height);
  else {
    mark.points.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
    if (mark.closed) context.closePath();
  }
}

function strokeOnce(context, colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

function paintText(context, mark) {
  context.font = `${mark.weight ?? 500} ${mark.size}px ${mark.font}`;
  context.textAlign = mark.align ?? "left";
  context.textBaseline = "alphabetic";
  if (mark.halo) {
    context.lineJoin = "round";
    context.strokeStyle = mark.halo;
    context.lineWidth = mark.haloWidth ?? 3;
    context.strokeText(mark.text, mark.x, mark.y);
  }
  context.fillStyle = mark.fill;
  context.fillText(mark.text, mark.x, mark.y);
}

export function paintOnCanvas(context, marks) {
  for (const mark of marks) {
    context.globalAlpha = mark.alpha ?? 1;
    if (mark.type === "image") {
      context.imageSmoothingEnabled = mark.smooth;
      context.imageSmoothingQuality = "high";
      context.drawImage(mark.image, mark.x, mark.y, mark.width, mark.height);
      continue;
    }
    if (mark.type === "text") {
      paintText(context, mark);
      continue;
    }
    trace(context, mark);
    context.setLineDash(mark.dash ?? []);
    context.lineJoin = "round";
    if (mark.halo) strokeOnce(context, mark.halo, (mark.lineWidth ?? 1) + HALO_EXTRA);
    if (mark.fill) {
      context.globalAlpha = (mark.alpha ?? 1) * (mark.fillAlpha ?? 1);
      context.fillStyle = mark.fill;
      context.fill();
      context.globalAlpha = mark.alpha ?? 1;
    }
    if (mark.stroke) strokeOnce(context, mark.stroke, mark.lineWidth ?? 1);
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
}

const SVG = "http://www.w3.org/2000/svg";
const short = (number) => String(Math.round(number * 100) / 100);

/** A node of SVG; text content is set as text, never parsed. */
export function svgNode(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined)
      node.setAttribute(key, typeof value === "number" ? short(value) : value);
  }
  if (text !== undefined) node.textContent = text;
  return node;
}

function outline(mark) {
  if (mark.type === "circle") return ["circle", { cx: mark.x, cy: mark.y, r: mark.radius }];
  if (mark.type === "rect") {
    return ["rect", { x: mark.x, y: mark.y, width: mark.width, height: mark.height }];
  }
  const points = mark.points.map(([x, y]) => `${short(x)},${short(y)}`).join(" ");
  return [mark.closed ? "polygon" : "polyline", { points }];
}

function imageAddress(image, smooth) {
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth ?? image.width;
  canvas.height = image.naturalHeight ?? image.height;
  canvas.getContext("2d").drawImage(image, 0, 0);
  return smooth ? canvas.toDataURL("image/jpeg", 0.92) : canvas.toDataURL("image/png");
}

function svgMark(mark) {
  if (mark.type === "image") {
    return [
      svgNode("image", {
        x: mark.x,
        y: mark.y,
        width: mark.width,
        height: mark.height,
        opacity: mark.alpha,
        preserveAspectRatio: "none",
        href: imageAddress(mark.image, mark.smooth),
        style: mark.smooth ? undefined : "image-rendering:pixelated",
      }),
    ];
  }
  if (mark.type === "text") {
    const anchor = { left: "start", center: "middle", right: "end" }[mark.align ?? "left"];
    return [
      svgNode(
        "text",
        {
          x: mark.x,
          y: mark.y,
          fill: mark.fill,
          "text-anchor": anchor,
          "font-family": mark.font,
          "font-size": mark.size,
          "font-weight": mark.weight ?? 500,
          stroke: mark.halo,
          "stroke-width": mark.halo ? (mark.haloWidth ?? 3) : undefined,
          "stroke-linejoin": "round",
          "paint-order": "stroke",
        },
        mark.text,
      ),
    ];
  }
  const [name, geometry] = outline(mark);
  const width = mark.lineWidth ?? 1;
  const dash = mark.dash?.length ? mark.dash.join(" ") : undefined;
  const nodes = [];
  if (mark.halo) {
    nodes.push(
      svgNode(name, {
        ...geometry,
        fill: "none",
        stroke: mark.halo,
        "stroke-width": width + HALO_EXTRA,
        opacity: mark.alpha,
        "stroke-dasharray": dash,
      }),
    );
  }
  nodes.push(
    svgNode(name, {
      ...geometry,
      fill: mark.fill ?? "none",
      "fill-opacity": mark.fillAlpha,
      opacity: mark.alpha,
      stroke: mark.stroke ?? "none",
      "stroke-width": mark.stroke ? width : undefined,
      "stroke-dasharray": dash,
      "stroke-linejoin": "round",
    }),
  );
  return nodes;
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
