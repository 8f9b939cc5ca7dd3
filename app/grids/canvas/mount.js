// The door: what Streamlit (or an offline page) calls to show a deformed grid.
import { element } from "../../explorer/canvas/elements.js";
import { Page, mountPage, offlineComponent } from "../../explorer/canvas/page.js";
import { readView } from "../../explorer/canvas/view.js";
import { GridExplorer } from "./grid_explorer.js";
import { decodeGrid } from "./grid_layer.js";
import { GridLegend } from "./grid_legend.js";
import { ClassList, KnotReadout } from "./grid_readout.js";
import { GridToolbar } from "./grid_toolbar.js";
import { GRID_VIEW } from "./grid_view.js";

class GridPage extends Page {
  makeExplorer(page) {
    return new GridExplorer(page);
  }

  surroundings() {
    const { explorer } = this;
    const legend = new GridLegend(explorer);
    const side = element(
      "div",
      { class: "dv-side" },
      new ClassList(explorer).root,
      new KnotReadout(explorer).root,
    );
    return {
      scale: legend.scale,
      below: [legend.root, new GridToolbar(explorer, this.facts).root, side],
    };
  }

  decode(bytes) {
    return decodeGrid(bytes);
  }

  readView(raw, layer) {
    return readView(raw, layer, GRID_VIEW);
  }

  words({ layer, view, query, knots }) {
    const [height, width] = layer.header.grid_hw;
    const share = layer.objectShare(knots);
    const onObject =
      share === null
        ? ""
        : ` · ${Math.round(100 * share)} % of the attention is read on the object`;
    const whose = view.importance
      ? `average of ${layer.header.queries} queries`
      : this.explorer.queryWords(query);
    return `${whose} · ${height} × ${width} knots${onObject}${view.pinned ? " · pinned" : ""}`;
  }
}

/** Streamlit calls this at every change of its data; the returned function runs when it goes. */
export default function mount(component) {
  return mountPage(component, (given) => new GridPage(given));
}

/** Called by an offline page; see the explorer's offline.html. */
export function mountOffline() {
  mount(offlineComponent());
}
