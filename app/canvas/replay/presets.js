// Views everybody wants first. Of a detector the five pictures everybody draws of deformable attention.
import { countTo } from "../kit/view.js";

/** Views by name; `layer` says which kind of layer, `at` which snapshot. */
export const SAMPLING_PRESETS = [
  {
    name: "heads",
    kind: "encoder",
    at: "now",
    colour: "head",
    lines: false,
  },
  {
    name: "scales",
    kind: "encoder",
    at: "now",
    colour: "level",
    lines: false,
  },
  {
    name: "offsets",
    kind: "encoder",
    at: "now",
    colour: "head",
    lines: true,
  },
  {
    name: "star_start",
    kind: "encoder",
    at: "first",
    colour: "head",
    lines: true,
    heads: [0],
    levels: [0],
    zoom: 2,
  },
  {
    name: "star_end",
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
    name: "one_query",
    at: "now",
    view: { importance: false, lines: true, mesh: true, arrows: false },
  },
  {
    name: "all_queries",
    at: "now",
    view: { importance: true, mesh: true, arrows: false },
  },
  {
    name: "way",
    at: "now",
    view: { importance: true, mesh: false, arrows: true },
  },
  {
    name: "all_start",
    at: "first",
    view: { importance: true, mesh: true, arrows: false },
  },
  {
    name: "all_end",
    at: "last",
    view: { importance: true, mesh: true, arrows: false },
  },
];

export function gridPresetView({ view }) {
  return { layerName: null, zoom: null, view };
}
