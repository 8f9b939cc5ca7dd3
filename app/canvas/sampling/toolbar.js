// Controls that answer at once, without the server. Only those that do something here are shown.
import { chooser, labelled, offerOptions, setPressed, setText, slider } from "../kit/elements.js";
import { takeAlong } from "../kit/export.js";
import {
  dimSlider,
  group,
  pinToggle,
  showShare,
  showToggles,
  toggleOf,
  toolbar,
} from "../kit/toolbar.js";
import { say } from "../kit/words.js";
import { exportCsv } from "./points_csv.js";
import { Steps } from "./steps.js";
import { COLOUR_MODES } from "./view.js";

// Nothing of one query is shown while it is asked who reads a place.
const OF_ONE_QUERY = ["pinned", "lines", "all"];

/** What colours can mean, as a list offers it: [mode, name]. */
export const colourModes = () =>
  COLOUR_MODES.map((mode) => [mode, say(`canvas.sampling.colour.${mode}`)]);

export class Toolbar {
  /** `facts` say what the surroundings offer: { link, source }. */
  constructor(explorer, facts) {
    this.explorer = explorer;
    this.toggles = {
      pinned: pinToggle(explorer, say("canvas.sampling.pin.title")),
      lines: toggleOf(explorer, "canvas.sampling.lines", "lines"),
      mass: toggleOf(explorer, "canvas.sampling.mass", "mass", "M"),
      reverse: toggleOf(explorer, "canvas.sampling.reverse", "reverse", "R", () =>
        explorer.toggleReverse(),
      ),
      padding: toggleOf(explorer, "canvas.kit.padding", "padding"),
      zoom: toggleOf(explorer, "canvas.sampling.zoom", "zoom", "Z", () => explorer.cycleZoom()),
      all: toggleOf(explorer, "canvas.sampling.all", "all"),
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
    this.dim = dimSlider(explorer);
    this.steps = new Steps(explorer);
    this.root = toolbar(
      this.steps.root,
      group("", ...Object.values(this.toggles)),
      takeAlong(explorer, facts, [say("canvas.sampling.export.csv"), () => exportCsv(explorer)]),
      group(
        "dv-fields",
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
    showToggles(this.toggles, this.explorer);
    setPressed(this.toggles.zoom, view.zoom > 1);
    setText(
      this.toggles.zoom,
      say(view.zoom > 1 ? "canvas.sampling.zoom.now" : "canvas.sampling.zoom", { zoom: view.zoom }),
    );
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
    showShare(this.dim, view.dim);
    this.steps.update();
    for (const name of OF_ONE_QUERY) this.toggles[name].disabled = view.reverse;
    for (const control of [this.colour, this.top.input]) control.disabled = view.reverse;
  }
}
