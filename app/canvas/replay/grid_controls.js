// Controls of a deformed grid that answer at once.
import { setPressed, toggleButton } from "../kit/elements.js";

const GRID_TOGGLES = {
  mesh: ["Mesh", "Lines between neighbouring knots"],
  arrows: ["Arrows", "From the regular grid to the deformed one"],
  lines: ["Lines", "From the query to its heaviest knots"],
  importance: ["All queries", "Size the knots by the attention of an average query"],
  object: ["Object", "Outline of the object, where it is known"],
};

export class GridControls {
  constructor(replayer) {
    this.replayer = replayer;
    this.toggles = Object.fromEntries(
      Object.entries(GRID_TOGGLES).map(([name, [label, title]]) => [
        name,
        toggleButton(label, {
          title,
          onclick: () => replayer.setView({ [name]: !replayer.view[name] }),
        }),
      ]),
    );
    this.nodes = Object.values(this.toggles);
  }

  update() {
    const { layer, view } = this.replayer;
    for (const [name, button] of Object.entries(this.toggles)) setPressed(button, view[name]);
    this.toggles.object.hidden = !layer?.mask;
    this.toggles.lines.hidden = view.importance;
  }

  sentence() {
    const averaged = this.replayer.view?.importance;
    return averaged
      ? "Knots as large as an average query heeds them, at every snapshot."
      : "The same cell asks at every snapshot; all cells share the grid.";
  }
}
