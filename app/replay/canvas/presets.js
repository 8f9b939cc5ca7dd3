// The five pictures everybody draws of deformable attention, each as a view of this very run.

/** Views by name; `layer` says which kind of layer, `at` which snapshot. */
export const PRESETS = [
  { name: "Heads", hint: "Every head has its colour", kind: "encoder", at: "now", colour: "head", lines: false },
  { name: "Scales", hint: "Every level has its colour", kind: "encoder", at: "now", colour: "level", lines: false },
  { name: "Offsets", hint: "Lines from the reference to every point", kind: "encoder", at: "now", colour: "head", lines: true },
  { name: "Head 0, level 0: start", hint: "Offsets before training: one arm of the star", kind: "encoder",
    at: "first", colour: "head", lines: true, heads: [0], levels: [0] },
  { name: "Head 0, level 0: end", hint: "The same offsets after training", kind: "encoder",
    at: "last", colour: "head", lines: true, heads: [0], levels: [0] },
];

/** What a preset changes, for a run with these layers: { layerName, at, view }. */
export function presetView(preset, layerNames, heads, levels) {
  const range = (count) => Array.from({ length: count }, (_, index) => index);
  const ofKind = layerNames.filter((name) => name.startsWith(preset.kind));
  const { colour, lines } = preset;
  return {
    layerName: ofKind[ofKind.length - 1] ?? layerNames[0], at: preset.at,
    view: { colour, lines, top: 0, heads: preset.heads ?? range(heads), levels: preset.levels ?? range(levels) },
  };
}
