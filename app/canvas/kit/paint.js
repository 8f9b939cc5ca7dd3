// Marks on a canvas. What a mark is, marks.js says.
import { markerOutline } from "./glyphs.js";

export const HALO_EXTRA = 2; // how much wider a halo is than the stroke above it
const painted = new WeakMap(); // values of cells -> their image

function trace(context, mark) {
  context.beginPath();
  if (mark.kind === "rect") {
    context.rect(mark.x, mark.y, mark.width, mark.height);
    return;
  }
  const corners = mark.points ?? markerOutline(mark.shape, mark.x, mark.y, mark.size);
  if (!corners) {
    context.arc(mark.x, mark.y, mark.size, 0, 2 * Math.PI);
    return;
  }
  corners.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
  if (mark.kind !== "line") context.closePath();
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

/**
 * Cells as an image of one pixel each; kept as long as their values are.
 * @param {import("./marks.js").Mark} mark
 */
export function cellsImage({ rows, columns, values, low, high, colours }) {
  const known = painted.get(values);
  if (known) return known;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, rows);
  const last = colours.length / 3 - 1;
  for (let cell = 0; cell < values.length; cell++) {
    const share = (values[cell] - low) / (high - low || 1);
    const step = 3 * Math.round(Math.min(1, Math.max(0, share)) * last);
    pixels.data.set([colours[step], colours[step + 1], colours[step + 2], 255], 4 * cell);
  }
  context.putImageData(pixels, 0, 0);
  painted.set(values, canvas);
  return canvas;
}

/** @param {import("./marks.js").Mark[]} marks */
export function paintOnCanvas(context, marks) {
  for (const mark of marks) {
    context.globalAlpha = mark.alpha ?? 1;
    if (mark.kind === "image" || mark.kind === "cells") {
      context.imageSmoothingEnabled = mark.smooth;
      context.imageSmoothingQuality = "high";
      const image = mark.kind === "cells" ? cellsImage(mark) : mark.image;
      context.drawImage(image, mark.x, mark.y, mark.width, mark.height);
      continue;
    }
    if (mark.kind === "text") {
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
