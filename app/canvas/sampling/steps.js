// How much of a query is shown, grown a press at a time: more points, more levels, more heads.
import { setPressed, setText, toggleButton } from "../kit/elements.js";
import { group } from "../kit/toolbar.js";
import { say } from "../kit/words.js";
import { FEW, calmView, defaultView } from "./view.js";

const GROWN = { points: "top", levels: "levels", heads: "heads" }; // step -> property of the view

export class Steps {
  constructor(explorer) {
    this.explorer = explorer;
    const step = (name, onclick) =>
      toggleButton(say(`canvas.sampling.step.${name}`), {
        title: say(`canvas.sampling.step.${name}.title`, { few: FEW }),
        onclick,
      });
    this.buttons = Object.fromEntries(
      Object.keys(GROWN).map((name) => [name, step(name, () => this.toggle([name]))]),
    );
    this.all = step("all", () => this.toggle(Object.keys(GROWN)));
    this.root = group("dv-steps", ...Object.values(this.buttons), this.all);
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", say("canvas.sampling.step.name"));
  }

  /** Whether a step is taken: nothing is left out that it would add. */
  taken(name) {
    const { layer, view } = this.explorer;
    if (name === "points") return !view.top;
    return view[name].length === defaultView(layer)[name].length;
  }

  /** Take steps, or take them back where all of them are taken. */
  toggle(names) {
    const { layer, query, view } = this.explorer;
    const back = names.every((name) => this.taken(name));
    const next = back ? calmView(layer, query, view.heads[0]) : defaultView(layer);
    const patch = names.map((name) => [GROWN[name], next[GROWN[name]]]);
    this.explorer.setFocus(null);
    this.explorer.setView(Object.fromEntries(patch));
  }

  update() {
    const { layer, view } = this.explorer;
    const names = Object.keys(GROWN);
    for (const name of names) setPressed(this.buttons[name], this.taken(name));
    setPressed(
      this.all,
      names.every((name) => this.taken(name)),
    );
    setText(this.all, say("canvas.sampling.step.all", { count: layer.samplesPerQuery }));
    this.buttons.levels.hidden = layer.levels.length < 2;
    this.buttons.heads.hidden = layer.header.heads < 2;
    for (const button of [...Object.values(this.buttons), this.all]) button.disabled = view.reverse;
  }
}
