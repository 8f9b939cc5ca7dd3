// The door: what Streamlit (or an offline page) calls to show five kinds of attention.
import { element } from "../../explorer/canvas/elements.js";
import { copyLink, exportHtml, exportPng, exportSvg } from "../../explorer/canvas/export_files.js";
import { Page, mountPage, offlineComponent } from "../../explorer/canvas/page.js";
import { readView } from "../../explorer/canvas/view.js";
import { KEYS_VIEW, KeysExplorer } from "./keys_explorer.js";
import { decodeKeySets } from "./keys_layer.js";

class KeysPage extends Page {
  makeExplorer(page) {
    return new KeysExplorer(page);
  }

  surroundings() {
    const { explorer, facts } = this;
    const button = (label, title, onclick) =>
      element("button", { type: "button", class: "dv-button", title, onclick }, label);
    const toolbar = element(
      "div",
      { class: "dv-toolbar", role: "group", "aria-label": "Picture controls" },
      element(
        "div",
        { class: "dv-group dv-group-end" },
        button("PNG", "Save the pictures as PNG", () => exportPng(explorer, facts)),
        button("SVG", "Save the pictures as SVG", () => exportSvg(explorer, facts)),
        facts.source
          ? button("HTML", "Save a page that needs no server", () => exportHtml(explorer, facts))
          : "",
        facts.link
          ? button("Copy link", "Copy the address of exactly this view", () => copyLink(explorer))
          : "",
        button("?", "Keys and signs (key ?)", () => explorer.tell("help")),
      ),
    );
    return { scale: "", below: [toolbar] };
  }

  decode(bytes) {
    return decodeKeySets(bytes);
  }

  readView(raw, layer) {
    return readView(raw, layer, KEYS_VIEW);
  }

  words({ query, view, layer }) {
    const counts = layer.sets.map(
      (set) => `${set.title.replace(/.*\((.*)\)/, "$1")} ${layer.keys(set, query).length}`,
    );
    return `${this.explorer.queryWords(query)} · keys of all heads: ${counts.join(", ")}${view.pinned ? " · pinned" : ""}`;
  }
}

/** Streamlit calls this at every change of its data; the returned function runs when it goes. */
export default function mount(component) {
  return mountPage(component, (given) => new KeysPage(given));
}

/** Called by an offline page; see the explorer's offline.html. */
export function mountOffline() {
  mount(offlineComponent());
}
