// The replay of a DAT: the deformed grid that all queries share, and what is heeded on it.
import { GridLegend } from "../../grids/canvas/grid_legend.js";
import { decodeGrid } from "../../grids/canvas/grid_layer.js";
import { knotsAsCsv } from "../../grids/canvas/grid_figure.js";
import { GRID_DRAWING } from "../../grids/canvas/grid_marks.js";
import { GRID_VIEW } from "../../grids/canvas/grid_view.js";
import { readView } from "../../explorer/canvas/view.js";
import { blendedGrid } from "./blend.js";
import { GridControls } from "./grid_controls.js";
import { GRID_PRESETS, gridPresetView } from "./presets.js";
import { MOST_TRAILS, trailMarks } from "./trails.js";

const knotColour = ({ palette }, { head }) => palette.heads[head % palette.heads.length];
const knotCsv = (layer, query, view) => knotsAsCsv({ layer, query, view }).trim().split("\n");

export const GRID_KIND = {
  decode: decodeGrid,
  drawing: {
    ...GRID_DRAWING,
    surfaceMarks: (scene, surface) => [
      ...GRID_DRAWING.surfaceMarks(scene, surface),
      ...(surface === "marks" && scene.extraMarks ? scene.extraMarks(scene) : []),
    ],
  },
  extraMarks: (scene) => trailMarks(scene, scene.panels[0].toStage, knotColour),
  toStage: (scene) => scene.panels[0].toStage,
  Legend: GridLegend,
  Controls: GridControls,
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
    head:
      "query,head,group,knot_row,knot_column,reference_x,reference_y,position_x,position_y," +
      "original_x_px,original_y_px,attention,position_bias,mean_attention",
    rows: (layer, query, view) => knotCsv(layer, query, view).slice(1),
  },
};
