// Every head of a study as a small map: where its weight falls around its reference.
import { crossMarks } from "../kit/marks.js";
import { say } from "../kit/words.js";
import { TITLE_ROOM } from "./layout.js";

const GROUND = "#20242e";
const QUIET = "#c9cedb";
const CROSS_ARM = 5;

/** The ground of every layer, with its name and the unit of its maps. */
export function blockMarks({ blocks, width, font }) {
  return blocks.flatMap(({ layer, top, height }) => [
    { kind: "rect", x: 0, y: top, width, height, fill: GROUND },
    {
      kind: "text",
      text: say(layer.boxed ? "canvas.atlas.layer.boxed" : "canvas.atlas.layer", {
        layer: layer.name,
        reach: Math.floor(layer.reach),
      }),
      x: 8,
      y: top + TITLE_ROOM - 8,
      size: 13,
      weight: 700,
      font,
      fill: "#ffffff",
    },
  ]);
}

/** The map of every head below its number; a head without weight on the level stays dark. */
export function mapMarks({ tiles, layer, view, table, palette, font }) {
  const { bins } = layer.header;
  return tiles.flatMap(({ query, head, left, top, side }) => {
    const of = { query, head };
    const colour = palette.heads[head % palette.heads.length];
    return [
      { kind: "marker", shape: "circle", of, x: left + 5, y: top - 7, size: 4, fill: colour },
      {
        kind: "text",
        of,
        text: String(head),
        x: left + 14,
        y: top - 3,
        size: 12,
        font,
        fill: QUIET,
      },
      {
        kind: "cells",
        of,
        x: left,
        y: top,
        width: side,
        height: side,
        rows: bins,
        columns: bins,
        values: layer.amounts(query, view.level),
        low: 0,
        high: 1,
        colours: table,
        smooth: false,
      },
    ];
  });
}

/** On every map a cross at the reference; around it the query's box where offsets are told in it. */
export function referenceMarks({ tiles }) {
  return tiles.flatMap(({ query, head, layer, left, top, side }) => {
    const of = { query, head, part: "reference" };
    const [x, y] = [left + side / 2, top + side / 2];
    const half = side / 2 / layer.reach;
    const box = { kind: "rect", x: x - half, y: y - half, width: 2 * half, height: 2 * half };
    return [
      ...(layer.boxed ? [{ ...box, of, stroke: "#ffffff", lineWidth: 1, alpha: 0.55 }] : []),
      ...crossMarks(x, y, CROSS_ARM, { of, stroke: "#ffffff", lineWidth: 1 }, "#000000"),
    ];
  });
}

/** Around the head on show. */
export function chosenMarks({ tiles, query, view }) {
  return tiles
    .filter((tile) => tile.query === query)
    .map(({ head, left, top, side }) => ({
      kind: "rect",
      of: { query, head, part: "chosen" },
      x: left - 2,
      y: top - 2,
      width: side + 4,
      height: side + 4,
      stroke: "#ffffff",
      lineWidth: view.pinned ? 3 : 1.5,
    }));
}
