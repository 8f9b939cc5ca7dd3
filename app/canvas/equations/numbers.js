// A tensor as a heat map of cells, small ones with their numbers; every cell knows its indices.
import { element } from "../kit/elements.js";
import { say } from "../kit/words.js";
import { spelled } from "./numbers_text.js";

/** What a cell is about: { head, level, point } as far as its axes have them. */
export const cellSamples = new WeakMap();

const LETTERS = {
  head: "m",
  level: "l",
  point: "k",
  channel: "c",
  embedding: "c",
  key: "k",
  corner: "r",
  knot: "k",
};
const PARTS = { xy: ["x", "y"], yx: ["y", "x"], cxcywh: ["cx", "cy", "w", "h"] };
const MOST_WITH_TEXT = 160;
const WRAP = 16;

function indicesOf(flat, sizes) {
  const indices = [];
  for (let axis = sizes.length - 1; axis >= 0; axis -= 1) {
    indices.unshift(flat % sizes[axis]);
    flat = Math.floor(flat / sizes[axis]);
  }
  return indices;
}

function nameOf(axes, indices) {
  return indices
    .map(
      (index, axis) => PARTS[axes[axis]]?.[index] ?? `${LETTERS[axes[axis]] ?? axes[axis]}${index}`,
    )
    .join(" ");
}

/** Ink of an amount: up to 40 % of the accent for positive, of a warm colour for negative. */
function shade(value, most) {
  const share = most > 0 ? Math.round((40 * Math.abs(value)) / most) : 0;
  return `color-mix(in srgb, var(${value < 0 ? "--warm" : "--accent"}) ${share}%, var(--paper))`;
}

/** {head, level, point} of a cell, as far as its axes have them; null if none. */
function sampleOf(axes, indices) {
  const sample = {};
  axes.forEach((axis, at) => {
    if (axis in { head: 1, level: 1, point: 1 }) sample[axis] = indices[at];
  });
  return Object.keys(sample).length ? sample : null;
}

function cellsOf(table) {
  const axes = [...table.row_axes, ...table.column_axes];
  const most = Math.max(...table.values.map(Math.abs));
  const withText = table.values.length <= MOST_WITH_TEXT;
  return table.values.map((value, flat) => {
    const indices = indicesOf(flat, table.shape);
    const cell = element(
      "span",
      { class: "wt-cell", title: `${nameOf(axes, indices)}: ${spelled(value)}` },
      withText ? spelled(value) : "",
    );
    if (table.values.length > 1) cell.style.background = shade(value, most);
    const sample = sampleOf(axes, indices);
    if (sample) cellSamples.set(cell, sample);
    return cell;
  });
}

function tableOf(table) {
  const cells = cellsOf(table);
  const withText = cells.length <= MOST_WITH_TEXT;
  const columns = table.rows === 1 ? Math.min(WRAP, table.columns) : table.columns;
  const grid = element(
    "div",
    {
      class: withText ? "wt-cells" : "wt-cells wt-small",
      role: "img",
      "aria-label": say("canvas.equations.numbers.count", { count: cells.length }),
    },
    ...cells,
  );
  grid.style.gridTemplateColumns = `repeat(${columns}, ${withText ? "minmax(3.2rem, 1fr)" : "10px"})`;
  if (table.rows > 1 && withText) labelRows(grid, table, columns);
  return scrolling(grid);
}

/** A box that scrolls where its content is larger, then by keys too. */
function scrolling(content) {
  const box = element("div", { class: "wt-scroll" }, content);
  new ResizeObserver(() => {
    const isCut = box.scrollHeight > box.clientHeight || box.scrollWidth > box.clientWidth;
    if (isCut) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }).observe(box);
  return box;
}

/** Row and column names around the cells. */
function labelRows(grid, table, columns) {
  const cells = [...grid.children];
  grid.style.gridTemplateColumns = `max-content repeat(${columns}, minmax(3.2rem, 1fr))`;
  const head = Array.from({ length: columns }, (_, column) =>
    element(
      "span",
      { class: "wt-label" },
      nameOf(table.column_axes, indicesOf(column, table.shape.slice(1))),
    ),
  );
  const rows = Array.from({ length: table.rows }, (_, row) => [
    element("span", { class: "wt-label" }, nameOf(table.row_axes, [row])),
    ...cells.slice(row * columns, (row + 1) * columns),
  ]);
  grid.replaceChildren(element("span"), ...head, ...rows.flat());
}

function mapOf({ height, width, values }) {
  const canvas = element("canvas", {
    width,
    height,
    class: "wt-map",
    role: "img",
    "aria-label": say("canvas.equations.numbers.map", { height, width }),
    title: `${height} × ${width}`,
  });
  const most = Math.max(...values, 1e-12);
  const pen = canvas.getContext("2d");
  const pixels = pen.createImageData(width, height);
  values.forEach((value, at) => {
    const light = Math.round(255 * Math.sqrt(value / most));
    pixels.data.set(
      [Math.round(light * 0.95), Math.round(light * 0.62 + 20), Math.round(255 - light * 0.6), 255],
      4 * at,
    );
  });
  pen.putImageData(pixels, 0, 0);
  canvas.style.aspectRatio = `${width} / ${height}`;
  return canvas;
}

/** What the server made of a tensor, as an element. */
export function numbers(table) {
  if (table.kind === "table") return tableOf(table);
  return element(
    "div",
    { class: "wt-maps" },
    ...table.maps.map(mapOf),
    element("p", { class: "wt-quiet" }, table.note),
  );
}
