// Views everybody wants first. Of a detector: one object followed, then the five pictures that everybody
// draws of deformable attention, at the start and at the end side by side.
import { countTo } from "../kit/view.js";

/** Views by name; `kind` says which kind of layer, `beside` whether start and end share the room. */
export const SAMPLING_PRESETS = [
  {
    name: "object",
    kind: "decoder",
    beside: false,
    colour: "head",
    lines: false,
  },
  {
    name: "heads",
    kind: "encoder",
    beside: true,
    colour: "head",
    lines: false,
  },
  {
    name: "scales",
    kind: "encoder",
    beside: true,
    colour: "level",
    lines: false,
  },
  {
    name: "offsets",
    kind: "encoder",
    beside: true,
    colour: "head",
    lines: true,
  },
  {
    name: "star",
    kind: "encoder",
    beside: true,
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
    beside: false,
    view: { importance: false, lines: true, mesh: true, arrows: false },
  },
  {
    name: "all_queries",
    beside: true,
    view: { importance: true, mesh: true, arrows: false },
  },
  {
    name: "way",
    beside: true,
    view: { importance: true, mesh: false, arrows: true },
  },
];

export function gridPresetView({ view }) {
  return { layerName: null, zoom: null, view };
}
