// Controls that answer at once, without the server. Only those that do something here are shown.
import {
  chooser,
  element,
  labelled,
  offerOptions,
  setPressed,
  setText,
  slider,
  toggleButton,
} from "../kit/elements.js";
import { takeAlong } from "../kit/export.js";
import { hasPadding } from "../kit/frames.js";
import { exportCsv } from "./points_csv.js";
import { COLOUR_MODES } from "./view.js";

export const COLOUR_NAMES = {
  head: "head",
  level: "level",
  weight: "weight",
  outside: "in or out of map",
};

export class Toolbar {
  /** `facts` say what the surroundings offer: { link, source }. */
  constructor(explorer, facts) {
    this.explorer = explorer;
    const flip = (name) => () => explorer.setView({ [name]: !explorer.view[name] });
    this.toggles = {
      pinned: toggleButton("Pin", {
        title: "Hold this query: the pointer then reads its points instead of previewing others",
        key: "Enter",
        onclick: () => explorer.togglePin(),
      }),
      lines: toggleButton("Lines", {
        title: "Lines from the reference to its points",
        onclick: flip("lines"),
      }),
      mass: toggleButton("Sampling mass", {
        title: "Attention weight that all queries together spend on each cell",
        key: "M",
        onclick: flip("mass"),
      }),
      reverse: toggleButton("Who reads here?", {
        title: "Reverse look-up: point at a place to see which queries sample it",
        key: "R",
        onclick: () => explorer.toggleReverse(),
      }),
      padding: toggleButton("Padding", {
        title: "Show the padded area the model saw",
        onclick: flip("padding"),
      }),
      zoom: toggleButton("Zoom", {
        title: "Enlarge around the query",
        key: "Z",
        onclick: () => explorer.cycleZoom(),
      }),
      all: toggleButton("All queries", {
        title: "All queries of the decoder, not only detections",
        onclick: flip("all"),
      }),
    };
    this.level = chooser("Level whose cells are queries, mass and look-up cells (key L)", (value) =>
      explorer.setLevel(Number(value)),
    );
    this.colour = chooser("What the colour of a point shows", (value) =>
      explorer.setView({ colour: value }),
    );
    this.top = slider("Points", "How many points, heaviest first", { min: 1, step: 1 }, (value) =>
      explorer.setView({ top: value >= Number(this.top.input.max) ? 0 : value }),
    );
    this.dim = slider("Dim", "Darken the picture", { min: 0, max: 90, step: 5 }, (value) =>
      explorer.setView({ dim: value / 100 }),
    );
    this.root = element(
      "div",
      { class: "dv-toolbar", role: "group", "aria-label": "Picture controls" },
      element("div", { class: "dv-group" }, ...Object.values(this.toggles)),
      takeAlong(explorer, facts, ["CSV of the points", () => exportCsv(explorer)]),
      element(
        "div",
        { class: "dv-group dv-fields" },
        labelled("Grid", this.level),
        labelled("Colour", this.colour),
        this.top.root,
        this.dim.root,
      ),
    );
    explorer.addEventListener("changed", () => this.update());
  }

  update() {
    const { layer, view } = this.explorer;
    for (const [name, button] of Object.entries(this.toggles)) setPressed(button, view[name]);
    setPressed(this.toggles.zoom, view.zoom > 1);
    setText(this.toggles.zoom, view.zoom > 1 ? `Zoom ${view.zoom}×` : "Zoom");
    this.toggles.padding.hidden = !hasPadding(layer.header);
    this.toggles.all.hidden = layer.isEncoder;
    offerOptions(
      this.level,
      layer.levels.map(([height, width], level) => [level, `level ${level} · ${height}×${width}`]),
      String(view.level),
    );
    offerOptions(
      this.colour,
      COLOUR_MODES.map((mode) => [mode, COLOUR_NAMES[mode]]),
      view.colour,
    );
    const most = layer.samplesPerQuery;
    this.top.input.max = String(most);
    this.top.input.value = String(view.top || most);
    setText(this.top.output, view.top ? String(view.top) : "all");
    this.dim.input.value = String(Math.round(100 * view.dim));
    setText(this.dim.output, `${Math.round(100 * view.dim)} %`);
  }
}
