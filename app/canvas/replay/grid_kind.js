// The replay of a DAT: the deformed grid that all queries share, and what is heeded on it.
import { decodeGrid } from "../grid/decode.js";
import { GRID_DRAWING } from "../grid/drawing.js";
import { KNOT_COLUMNS, knotRows } from "../grid/knots_csv.js";
import { GRID_VIEW } from "../grid/view.js";
import { readView } from "../kit/view.js";
import { blendedGrid } from "./blend.js";
import { GRID_PRESETS, gridPresetView } from "./presets.js";
import { MOST_TRAILS, trailMarks } from "./trails.js";

const toStage = (scene) => scene.panels[0].toStage;
const knotColour = ({ palette }, { head }) => palette.heads[head % palette.heads.length];

/** @type {import("./kinds.js").ReplayKind} */
export const GRID_KIND = {
  decode: decodeGrid,
  drawing: {
    ...GRID_DRAWING,
    surfaces: {
      ...GRID_DRAWING.surfaces,
      marks: {
        ...GRID_DRAWING.surfaces.marks,
        trails: (scene) => trailMarks(scene, toStage(scene), knotColour),
      },
    },
  },
  toStage,
  presets: GRID_PRESETS,
  presetView: gridPresetView,
  blend: blendedGrid,

  firstLayer: (names) => names.at(-1),
  firstStatistic: "scores",
  firstView: (layer) => ({ ...GRID_VIEW.usual(layer), arrows: false }),
  carry(view, from, to) {
    const carried = readView(view, to, GRID_VIEW).view;
    const same = ["heads", "groups"].every((name) => from.header[name] === to.header[name]);
    return same ? carried : { ...carried, heads: GRID_VIEW.usual(to).heads };
  },
  fit: (view, layer) => ({
    ...view,
    heads: view.heads.filter((head) => head < layer.header.heads),
  }),
  gridLevel: () => 0,

  /** Paths of the heaviest knots: [{ head, knot, .., path [[x, y], ..] }], normalised. */
  paths(steps, view) {
    const [last, query] = steps.at(-1);
    return last
      .weighted(query, view)
      .slice(0, MOST_TRAILS)
      .map((knot) => ({
        ...knot,
        path: steps.map(([layer]) => layer.place(knot.group, knot.knot, 1)),
      }));
  },

  csv: {
    head: KNOT_COLUMNS,
    rows: (layer, query, view) => knotRows({ layer, query, view }),
  },
};
