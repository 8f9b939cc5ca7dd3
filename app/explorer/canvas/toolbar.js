// Controls that answer at once, without the server. Only those that do something here are shown.
import { element, setPressed, setText, toggleButton } from "./elements.js";
import { copyLink, exportCsv } from "./export_files.js";
import { exportMenu } from "./export_menu.js";
import { hasPadding } from "./frames.js";
import { COLOUR_MODES } from "./view.js";

const COLOUR_NAMES = {
  head: "head",
  level: "level",
  weight: "weight",
  outside: "in or out of map",
};

export class Toolbar {
  /** `page` says what the surroundings offer: { link, source }; see mount.js. */
  constructor(explorer, page) {
    this.explorer = explorer;
    this.page = page;
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
    this.level = this.choice(
      "Grid",
      "Level whose cells are queries, mass and look-up cells (key L)",
      (value) => explorer.setLevel(Number(value)),
    );
    this.colour = this.choice("Colour", "What the colour of a point shows", (value) =>
      explorer.setView({ colour: value }),
    );
    this.colour.select.replaceChildren(
      ...COLOUR_MODES.map((mode) => element("option", { value: mode }, COLOUR_NAMES[mode])),
    );
    this.top = this.slider(
      "Points",
      "How many points, heaviest first",
      { min: 1, step: 1 },
      (value) => explorer.setView({ top: value >= Number(this.top.input.max) ? 0 : value }),
    );
    this.dim = this.slider("Dim", "Darken the picture", { min: 0, max: 90, step: 5 }, (value) =>
      explorer.setView({ dim: value / 100 }),
    );
    this.root = element(
      "div",
      { class: "dv-toolbar", role: "group", "aria-label": "Picture controls" },
      element("div", { class: "dv-group" }, ...Object.values(this.toggles)),
      element(
        "div",
        { class: "dv-group dv-group-end" },
        exportMenu(explorer, page, ["CSV of the points", () => exportCsv(explorer)]),
        this.linkButton(),
        this.helpButton(),
      ),
      element(
        "div",
        { class: "dv-group dv-fields" },
        this.level.root,
        this.colour.root,
        this.top.root,
        this.dim.root,
      ),
    );
    explorer.addEventListener("changed", () => this.update());
  }

  choice(name, title, onchange) {
    const select = element("select", {
      title,
      "aria-label": title,
      onchange: (event) => onchange(event.target.value),
    });
    return {
      select,
      root: element("label", { class: "dv-field" }, element("span", {}, name), select),
    };
  }

  slider(name, title, limits, oninput) {
    const output = element("output");
    const input = element("input", {
      type: "range",
      title,
      "aria-label": title,
      ...limits,
      oninput: (event) => oninput(Number(event.target.value)),
    });
    return {
      input,
      output,
      root: element("label", { class: "dv-field" }, element("span", {}, name), input, output),
    };
  }

  linkButton() {
    if (!this.page.link) return "";
    return element(
      "button",
      {
        type: "button",
        class: "dv-button",
        title: "Copy the address of exactly this view",
        onclick: () => copyLink(this.explorer),
      },
      "Copy link",
    );
  }

  helpButton() {
    return element(
      "button",
      {
        type: "button",
        class: "dv-button",
        title: "Keys and signs (key ?)",
        "aria-label": "Help",
        onclick: () => this.explorer.tell("help"),
      },
      "?",
    );
  }

  update() {
    const { layer, view } = this.explorer;
    for (const [name, button] of Object.entries(this.toggles)) setPressed(button, view[name]);
    setPressed(this.toggles.zoom, view.zoom > 1);
    setText(this.toggles.zoom, view.zoom > 1 ? `Zoom ${view.zoom}×` : "Zoom");
    this.toggles.padding.hidden = !hasPadding(layer.header);
    this.toggles.all.hidden = layer.isEncoder;
    const names = layer.levels.map(
      ([height, width], level) => `level ${level} · ${height}×${width}`,
    );
    if (names.join() !== this.levelNames) {
      this.levelNames = names.join();
      this.level.select.replaceChildren(
        ...names.map((name, level) => element("option", { value: level }, name)),
      );
    }
    this.level.select.value = String(view.level);
    this.colour.select.value = view.colour;
    const most = layer.samplesPerQuery;
    this.top.input.max = String(most);
    this.top.input.value = String(view.top || most);
    setText(this.top.output, view.top ? String(view.top) : "all");
    this.dim.input.value = String(Math.round(100 * view.dim));
    setText(this.dim.output, `${Math.round(100 * view.dim)} %`);
  }
}
