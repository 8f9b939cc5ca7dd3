// Controls of a grid that answer at once, without the server.
import { button, element, setPressed, setText, slider, toggleButton } from "../kit/elements.js";
import { takeAlong } from "../kit/export.js";
import { hasPadding } from "../kit/frames.js";
import { flip } from "../kit/keyboard.js";
import { say } from "../kit/words.js";
import { exportKnots } from "./knots_csv.js";

export class GridToolbar {
  /** `facts` say what the surroundings offer: { link, source }. */
  constructor(explorer, facts) {
    this.explorer = explorer;
    const toggle = (label, title, key, name) =>
      toggleButton(label, { title, key, onclick: () => flip(name)(explorer) });
    this.toggles = {
      pinned: toggleButton(say("canvas.kit.pin"), {
        title: say("canvas.grid.pin.title"),
        key: "Enter",
        onclick: () => explorer.togglePin(),
      }),
      importance: toggle(
        say("canvas.grid.importance"),
        say("canvas.grid.importance.title"),
        "I",
        "importance",
      ),
      split: toggle(say("canvas.grid.split"), say("canvas.grid.split.title"), "S", "split"),
      surface: toggle(say("canvas.grid.surface"), say("canvas.grid.surface.title"), "B", "surface"),
      object: toggle(say("canvas.grid.object"), say("canvas.grid.object.title"), "O", "object"),
      mesh: toggle(say("canvas.grid.mesh"), say("canvas.grid.mesh.title"), undefined, "mesh"),
      arrows: toggle(
        say("canvas.grid.arrows"),
        say("canvas.grid.arrows.title"),
        undefined,
        "arrows",
      ),
      padding: toggle(
        say("canvas.kit.padding"),
        say("canvas.kit.padding.title"),
        undefined,
        "padding",
      ),
      lines: toggle(say("canvas.grid.lines"), say("canvas.grid.lines.title"), undefined, "lines"),
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
    this.dim = slider(
      say("canvas.kit.dim"),
      say("canvas.kit.dim.title"),
      { min: 0, max: 90, step: 5 },
      (value) => explorer.setView({ dim: value / 100 }),
    );
    this.root = element(
      "div",
      { class: "dv-toolbar", role: "group", "aria-label": say("canvas.kit.controls") },
      element("div", { class: "dv-group dv-slide" }, this.playButton, this.slide.root),
      element("div", { class: "dv-group" }, ...Object.values(this.toggles)),
      takeAlong(explorer, facts, [say("canvas.grid.export.csv"), () => exportKnots(explorer)]),
      element("div", { class: "dv-group dv-fields" }, this.top.root, this.dim.root),
    );
    explorer.addEventListener("changed", () => this.update());
  }

  update() {
    const { layer, view } = this.explorer;
    for (const [name, toggle] of Object.entries(this.toggles)) setPressed(toggle, view[name]);
    this.toggles.surface.hidden = !layer.surface;
    this.toggles.object.hidden = !layer.mask;
    this.toggles.padding.hidden = !hasPadding(layer.header);
    for (const [control, value, text] of [
      [this.slide, 100 * view.slide, `${Math.round(100 * view.slide)} %`],
      [this.top, view.top, String(view.top)],
      [this.dim, 100 * view.dim, `${Math.round(100 * view.dim)} %`],
    ]) {
      control.input.value = String(Math.round(value));
      setText(control.output, text);
    }
    setText(this.playButton, view.slide > 0.5 ? say("canvas.grid.undo") : say("canvas.grid.play"));
  }
}
