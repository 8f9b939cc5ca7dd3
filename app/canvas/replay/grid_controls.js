// Controls of a deformed grid that answer at once.
import { setPressed, toggleButton } from "../kit/elements.js";
import { say } from "../kit/words.js";

const GRID_TOGGLES = {
  mesh: ["canvas.grid.mesh", "canvas.grid.mesh.title"],
  arrows: ["canvas.grid.arrows", "canvas.replay.arrows.title"],
  lines: ["canvas.grid.lines", "canvas.grid.lines.title"],
  importance: ["canvas.grid.importance", "canvas.grid.importance.title"],
  object: ["canvas.grid.object", "canvas.grid.object.title"],
};

export class GridControls {
  constructor(replayer) {
    this.replayer = replayer;
    this.toggles = Object.fromEntries(
      Object.entries(GRID_TOGGLES).map(([name, [label, title]]) => [
        name,
        toggleButton(say(label), {
          title: say(title),
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
    return averaged ? say("canvas.replay.grid.averaged") : say("canvas.replay.grid.same_cell");
  }
}
