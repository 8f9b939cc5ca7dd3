// Queries that are cells of feature levels: which lies where, and how to walk from one to the next.
import { say } from "./words.js";

const clamp = (value, size) => Math.min(size - 1, Math.max(0, value));

/** Level, row and column of an encoder query, which is a cell of the feature levels. */
export function cellOfQuery(layer, query) {
  const starts = layer.header.level_starts;
  let level = starts.length - 1;
  while (query < starts[level]) level--;
  const width = layer.levels[level][1];
  const at = query - starts[level];
  return { level, row: Math.floor(at / width), column: at % width };
}

export function queryOfCell(layer, level, row, column) {
  return layer.header.level_starts[level] + row * layer.levels[level][1] + column;
}

/** Row and column of the cell of a level under a normalised place; the nearest one from outside. */
export function cellUnder(layer, level, x, y) {
  const [height, width] = layer.levels[level];
  return {
    row: clamp(Math.floor(y * height), height),
    column: clamp(Math.floor(x * width), width),
  };
}

/** Normalised corners of a cell. */
export function cellBox(layer, level, row, column) {
  const [height, width] = layer.levels[level];
  return [column / width, row / height, (column + 1) / width, (row + 1) / height];
}

/** The query of a neighbouring cell; the same one at the edge. */
export function neighbourCell(layer, query, stepX, stepY) {
  const { level, row, column } = cellOfQuery(layer, query);
  const [height, width] = layer.levels[level];
  return queryOfCell(layer, level, clamp(row + stepY, height), clamp(column + stepX, width));
}

/** A cell in words; the level only where there are several. */
export function cellName(layer, query) {
  const { level, row, column } = cellOfQuery(layer, query);
  const several = layer.levels.length > 1;
  return say(several ? "canvas.kit.cell_of_level" : "canvas.kit.cell", { level, row, column });
}
