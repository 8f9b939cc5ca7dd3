// What surrounds the picture of sampling points.
import { element } from "../kit/elements.js";
import { Explorer } from "./explorer.js";
import { SAMPLING_KEYS, SAMPLING_SIGNS } from "./keyboard.js";
import { Legend } from "./legend.js";
import { LookupList } from "./lookup_list.js";
import { PointsTable } from "./points_table.js";
import { Readout } from "./readout.js";
import { Toolbar } from "./toolbar.js";

export const SURROUNDINGS = {
  Explorer,
  keys: SAMPLING_KEYS,
  signs: SAMPLING_SIGNS,
  build(explorer, facts) {
    const legend = new Legend(explorer);
    const lists = [new LookupList(explorer).root, new Readout(explorer).root];
    const toolbar = new Toolbar(explorer, facts).root;
    const table = new PointsTable(explorer).root;
    return {
      scale: legend.scale,
      below: [legend.root, toolbar, element("div", { class: "dv-side" }, ...lists), table],
    };
  },
};
