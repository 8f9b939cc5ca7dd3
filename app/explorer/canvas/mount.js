// The door: what Streamlit (or an offline page) calls. Builds the explorer once and keeps it.
import { element, setText } from "./elements.js";
import { Explorer } from "./explorer.js";
import { placeOf } from "./frames.js";
import { Legend } from "./legend.js";
import { LookupList } from "./lookup_list.js";
import { decodeLayer } from "./packed.js";
import { Page, mountPage, offlineComponent } from "./page.js";
import { PointsTable } from "./points_table.js";
import { hasFound, queryName } from "./queries.js";
import { Readout } from "./readout.js";
import { Toolbar } from "./toolbar.js";
import { readView } from "./view.js";

class SamplingPage extends Page {
  makeExplorer(page) {
    const explorer = new Explorer(page);
    explorer.addEventListener("progress", ({ detail: share }) => {
      if (share < 1)
        setText(this.status, `Adding up the sampling mass: ${Math.round(100 * share)} %`);
    });
    return explorer;
  }

  surroundings() {
    const { explorer } = this;
    const legend = new Legend(explorer);
    const side = element(
      "div",
      { class: "dv-side" },
      new LookupList(explorer).root,
      new Readout(explorer).root,
    );
    const toolbar = new Toolbar(explorer, this.facts).root;
    return {
      scale: legend.scale,
      below: [legend.root, toolbar, side, new PointsTable(explorer).root],
    };
  }

  decode(bytes) {
    return decodeLayer(bytes);
  }

  readView(raw, layer) {
    return readView(raw, layer);
  }

  words(scene) {
    return scene.view.reverse ? lookupWords(scene) : queryWords(scene, this.explorer.lightly);
  }
}

function queryWords({ layer, view, query, samples }, lightly) {
  const outside = samples.filter(({ x, y }) => placeOf(layer.header, x, y) === "outside").length;
  const pinned = lightly
    ? "an example: move over the picture to explore"
    : "pinned, the pointer reads its points";
  const state = view.pinned ? pinned : "click to pin";
  return `${queryName(layer, query)} · ${samples.length} points, ${outside} outside the map · ${dotWords(layer, view)}${state}`;
}

/** What the white dots among the boxes are. */
function dotWords(layer, view) {
  if (layer.isEncoder || !view.all) return "";
  const count = Array.from({ length: layer.header.queries }, (_, query) => query).filter(
    (query) => !hasFound(layer, query),
  ).length;
  return `white dots: references of the ${count} queries without a sure object · `;
}

function lookupWords({ lookup }) {
  if (!lookup) return "Reverse look-up: point at a place";
  const { ranked, row, column, level, total } = lookup;
  return `${ranked.length} queries read cell (${row}, ${column}) of level ${level}, together ${total.toFixed(2)}`;
}

/** Streamlit calls this at every change of its data; the returned function runs when it goes. */
export default function mount(component) {
  return mountPage(component, (given) => new SamplingPage(given));
}

/** Called by an offline page; see offline.html. */
export function mountOffline() {
  mount(offlineComponent());
}
