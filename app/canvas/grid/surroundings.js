// What surrounds the picture of a deformed grid.
import { element } from "../kit/elements.js";
import { GridExplorer } from "./explorer.js";
import { GRID_KEYS, GRID_SIGNS } from "./keyboard.js";
import { GridLegend } from "./legend.js";
import { ClassList, KnotReadout } from "./readout.js";
import { GridToolbar } from "./toolbar.js";

export const SURROUNDINGS = {
  Explorer: GridExplorer,
  keys: GRID_KEYS,
  signs: GRID_SIGNS,
  build(explorer, facts) {
    const legend = new GridLegend(explorer);
    const lists = [new ClassList(explorer).root, new KnotReadout(explorer).root];
    const toolbar = new GridToolbar(explorer, facts).root;
    return {
      scale: legend.scale,
      below: [legend.root, toolbar, element("div", { class: "dv-side" }, ...lists)],
    };
  },
};
