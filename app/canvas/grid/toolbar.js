// Controls of a grid that answer at once, without the server.
import { button, element, setPressed, setText, slider, toggleButton } from "../kit/elements.js";
import { takeAlong } from "../kit/export.js";
import { hasPadding } from "../kit/frames.js";
import { flip } from "../kit/keyboard.js";
import { exportKnots } from "./knots_csv.js";

export class GridToolbar {
  /** `facts` say what the surroundings offer: { link, source }. */
  constructor(explorer, facts) {
    this.explorer = explorer;
    const toggle = (label, title, key, name) =>
      toggleButton(label, { title, key, onclick: () => flip(name)(explorer) });
    this.toggles = {
      pinned: toggleButton("Pin", {
        title: "Keep this query; otherwise it follows the pointer",
        key: "Enter",
        onclick: () => explorer.togglePin(),
      }),
      importance: toggle(
        "All queries",
        "Size the knots by the attention of an average query",
        "I",
        "importance",
      ),
      split: toggle("Side by side", "Regular and deformed grid side by side", "S", "split"),
      surface: toggle("Bias surface", "What the position bias adds at each place", "B", "surface"),
      object: toggle("Object", "Outline of the object, where it is known", "O", "object"),
      mesh: toggle("Mesh", "Lines between neighbouring knots", undefined, "mesh"),
      arrows: toggle("Arrows", "From the undeformed grid to the deformed one", undefined, "arrows"),
      padding: toggle("Padding", "Show the padded area the model saw", undefined, "padding"),
      lines: toggle("Lines", "From the query to its heaviest knots", undefined, "lines"),
    };
    this.slide = slider(
      "Deformation",
      "Move the grid from its reference to where it is read",
      { min: 0, max: 100, step: 1 },
      (value) => explorer.slide(value / 100),
      (value) => explorer.slide(value / 100, { done: true }),
    );
    this.slide.root.classList.add("dv-field-wide");
    this.playButton = button("▶ Play", "Play the deformation, or undo it (key Space)", () =>
      explorer.play(),
    );
    this.top = slider(
      "Keys",
      "How many keys are joined by lines, heaviest first",
      { min: 0, max: 30, step: 1 },
      (value) => explorer.setView({ top: value }),
    );
    this.dim = slider("Dim", "Darken the picture", { min: 0, max: 90, step: 5 }, (value) =>
      explorer.setView({ dim: value / 100 }),
    );
    this.root = element(
      "div",
      { class: "dv-toolbar", role: "group", "aria-label": "Picture controls" },
      element("div", { class: "dv-group dv-slide" }, this.playButton, this.slide.root),
      element("div", { class: "dv-group" }, ...Object.values(this.toggles)),
      takeAlong(explorer, facts, ["CSV of the knots", () => exportKnots(explorer)]),
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
    setText(this.playButton, view.slide > 0.5 ? "◀ Undo" : "▶ Play");
  }
}
