// Views everybody wants first. Of a detector the five pictures everybody draws of deformable attention.
import { countTo } from "../kit/view.js";

/** Views by name; `layer` says which kind of layer, `at` which snapshot. */
export const SAMPLING_PRESETS = [
  {
    name: "Heads",
    hint: "Every head has its colour",
    kind: "encoder",
    at: "now",
    colour: "head",
    lines: false,
  },
  {
    name: "Scales",
    hint: "Every level has its colour",
    kind: "encoder",
    at: "now",
    colour: "level",
    lines: false,
  },
  {
    name: "Offsets",
    hint: "Lines from the reference to every point",
    kind: "encoder",
    at: "now",
    colour: "head",
    lines: true,
  },
  {
    name: "Head 0, level 0: start",
    hint: "Offsets before training: one arm of the star",
    kind: "encoder",
    at: "first",
    colour: "head",
    lines: true,
    heads: [0],
    levels: [0],
    zoom: 2,
  },
  {
    name: "Head 0, level 0: end",
    hint: "The same offsets after training",
    kind: "encoder",
    at: "last",
    colour: "head",
    lines: true,
    heads: [0],
    levels: [0],
    zoom: 2,
  },
];

/** What a preset changes, for a run with these layers: { layerName, view }. */
export function samplingPresetView(preset, { layers, heads, levels }) {
  const ofKind = layers.filter((name) => name.startsWith(preset.kind));
  const { colour, lines } = preset;
  return {
    layerName: ofKind.at(-1) ?? layers[0],
    zoom: preset.zoom ?? 1,
    view: {
      colour,
      lines,
      top: 0,
      heads: preset.heads ?? countTo(heads),
      levels: preset.levels ?? countTo(levels),
    },
  };
}

export const GRID_PRESETS = [
  {
    name: "One query",
    hint: "Its heaviest knots, joined to it",
    at: "now",
    view: { importance: false, lines: true, mesh: true, arrows: false },
  },
  {
    name: "All queries",
    hint: "Knots as large as an average query heeds them",
    at: "now",
    view: { importance: true, mesh: true, arrows: false },
  },
  {
    name: "Way of the knots",
    hint: "Arrows from the regular grid",
    at: "now",
    view: { importance: true, mesh: false, arrows: true },
  },
  {
    name: "All queries: start",
    hint: "Before training",
    at: "first",
    view: { importance: true, mesh: true, arrows: false },
  },
  {
    name: "All queries: end",
    hint: "After training",
    at: "last",
    view: { importance: true, mesh: true, arrows: false },
  },
];

export function gridPresetView({ view }) {
  return { layerName: null, zoom: null, view };
}
