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
import { say } from "../kit/words.js";
import { exportCsv } from "./points_csv.js";
import { COLOUR_MODES } from "./view.js";

/** What colours can mean, as a list offers it: [mode, name]. */
export const colourModes = () =>
  COLOUR_MODES.map((mode) => [mode, say(`canvas.sampling.colour.${mode}`)]);

export class Toolbar {
  /** `facts` say what the surroundings offer: { link, source }. */
  constructor(explorer, facts) {
    this.explorer = explorer;
    const flip = (name) => () => explorer.setView({ [name]: !explorer.view[name] });
    this.toggles = {
      pinned: toggleButton(say("canvas.kit.pin"), {
        title: say("canvas.sampling.pin.title"),
        key: "Enter",
        onclick: () => explorer.togglePin(),
      }),
      lines: toggleButton(say("canvas.sampling.lines"), {
        title: say("canvas.sampling.lines.title"),
        onclick: flip("lines"),
      }),
      mass: toggleButton(say("canvas.sampling.mass"), {
        title: say("canvas.sampling.mass.title"),
        key: "M",
        onclick: flip("mass"),
      }),
      reverse: toggleButton(say("canvas.sampling.reverse"), {
        title: say("canvas.sampling.reverse.title"),
        key: "R",
        onclick: () => explorer.toggleReverse(),
      }),
      padding: toggleButton(say("canvas.kit.padding"), {
        title: say("canvas.kit.padding.title"),
        onclick: flip("padding"),
      }),
      zoom: toggleButton(say("canvas.sampling.zoom"), {
        title: say("canvas.sampling.zoom.title"),
        key: "Z",
        onclick: () => explorer.cycleZoom(),
      }),
      all: toggleButton(say("canvas.sampling.all"), {
        title: say("canvas.sampling.all.title"),
        onclick: flip("all"),
      }),
    };
    this.level = chooser(say("canvas.sampling.level.title"), (value) =>
      explorer.setLevel(Number(value)),
    );
    this.colour = chooser(say("canvas.sampling.colour.title"), (value) =>
      explorer.setView({ colour: value }),
    );
    this.top = slider(
      say("canvas.sampling.top"),
      say("canvas.sampling.top.title"),
      { min: 1, step: 1 },
      (value) => explorer.setView({ top: value >= Number(this.top.input.max) ? 0 : value }),
    );
    this.dim = slider(
      say("canvas.kit.dim"),
      say("canvas.kit.dim.title"),
      { min: 0, max: 90, step: 5 },
      (value) => explorer.setView({ dim: value / 100 }),
    );
    this.root = element(
      "div",
      { class: "dv-toolbar", role: "group", "aria-label": say("canvas.kit.controls") },
      element("div", { class: "dv-group" }, ...Object.values(this.toggles)),
      takeAlong(explorer, facts, [say("canvas.sampling.export.csv"), () => exportCsv(explorer)]),
      element(
        "div",
        { class: "dv-group dv-fields" },
        labelled(say("canvas.sampling.level.name"), this.level),
        labelled(say("canvas.sampling.colour"), this.colour),
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
    setText(
      this.toggles.zoom,
      say(view.zoom > 1 ? "canvas.sampling.zoom.now" : "canvas.sampling.zoom", { zoom: view.zoom }),
    );
    this.toggles.padding.hidden = !hasPadding(layer.header);
    this.toggles.all.hidden = layer.isEncoder;
    offerOptions(
      this.level,
      layer.levels.map(([height, width], level) => [
        level,
        say("canvas.sampling.level.sized", { level, height, width }),
      ]),
      String(view.level),
    );
    offerOptions(this.colour, colourModes(), view.colour);
    const most = layer.samplesPerQuery;
    this.top.input.max = String(most);
    this.top.input.value = String(view.top || most);
    setText(this.top.output, view.top ? String(view.top) : say("canvas.sampling.top.all"));
    this.dim.input.value = String(Math.round(100 * view.dim));
    setText(this.dim.output, `${Math.round(100 * view.dim)} %`);
  }
}
