// Controls of a grid that answer at once, without the server.
import { button, setText, slider } from "../kit/elements.js";
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
import { exportKnots } from "./knots_csv.js";

export class GridToolbar {
  /** `facts` say what the surroundings offer: { link, source }. */
  constructor(explorer, facts) {
    this.explorer = explorer;
    this.toggles = {
      pinned: pinToggle(explorer, say("canvas.grid.pin.title")),
      importance: toggleOf(explorer, "canvas.grid.importance", "importance", "I"),
      split: toggleOf(explorer, "canvas.grid.split", "split", "S"),
      surface: toggleOf(explorer, "canvas.grid.surface", "surface", "B"),
      object: toggleOf(explorer, "canvas.grid.object", "object", "O"),
      mesh: toggleOf(explorer, "canvas.grid.mesh", "mesh"),
      arrows: toggleOf(explorer, "canvas.grid.arrows", "arrows"),
      padding: toggleOf(explorer, "canvas.kit.padding", "padding"),
      lines: toggleOf(explorer, "canvas.grid.lines", "lines"),
    };
    this.slide = slider(
      say("canvas.grid.slide"),
      say("canvas.grid.slide.title"),
      { min: 0, max: 100, step: 1 },
      (value) => explorer.slide(value / 100),
      (value) => explorer.slide(value / 100, { done: true }),
    );
    this.slide.root.classList.add("dv-field-wide");
    this.playButton = button(say("canvas.grid.play"), say("canvas.grid.play.title"), () =>
      explorer.play(),
    );
    this.top = slider(
      say("canvas.grid.top"),
      say("canvas.grid.top.title"),
      { min: 0, max: 30, step: 1 },
      (value) => explorer.setView({ top: value }),
    );
    this.dim = dimSlider(explorer);
    this.root = toolbar(
      group("dv-slide", this.playButton, this.slide.root),
      group("", ...Object.values(this.toggles)),
      takeAlong(explorer, facts, [say("canvas.grid.export.csv"), () => exportKnots(explorer)]),
      group("dv-fields", this.top.root, this.dim.root),
    );
    explorer.addEventListener("changed", () => this.update());
  }

  update() {
    const { layer, view } = this.explorer;
    showToggles(this.toggles, this.explorer);
    this.toggles.surface.hidden = !layer.surface;
    this.toggles.object.hidden = !layer.mask;
    showShare(this.slide, view.slide);
    showShare(this.dim, view.dim);
    this.top.input.value = String(view.top);
    setText(this.top.output, String(view.top));
    setText(this.playButton, view.slide > 0.5 ? say("canvas.grid.undo") : say("canvas.grid.play"));
  }
}
