// The module at a glance: one chip per step, arcs from what each is made of.
import { element } from "../kit/elements.js";
import { svgNode } from "../kit/paint_svg.js";
import { say } from "../kit/words.js";
import { formula } from "./formula.js";

const STEP_PX = 9;

/** Chips in a list; `choose(name)` is called when one is picked. */
export class Diagram {
  constructor(choose) {
    this.choose = choose;
    this.given = element("details", { class: "wt-given" });
    this.list = element("div", { class: "wt-chips" });
    this.arcs = svgNode("svg", { class: "wt-arcs", "aria-hidden": "true" });
    this.root = element(
      "nav",
      { class: "wt-diagram", "aria-label": say("canvas.equations.steps") },
      element("div", { class: "wt-flow" }, this.arcs, this.list),
    );
    this.given.addEventListener("toggle", () => this.drawArcs());
    new ResizeObserver(() => this.drawArcs()).observe(this.list);
  }

  update(lesson) {
    this.lesson = lesson;
    this.chips = new Map(lesson.steps.map((step) => [step.name, this.chip(step)]));
    const given = lesson.steps.filter((step) => step.given);
    const made = lesson.steps.filter((step) => !step.given);
    this.given.replaceChildren(
      element("summary", {}, say("canvas.equations.given", { count: given.length })),
      ...given.map((step) => this.chips.get(step.name)),
    );
    this.list.replaceChildren(
      ...(given.length ? [this.given] : []),
      ...made.map((step) => this.chips.get(step.name)),
    );
    this.drawArcs();
  }

  chip(step) {
    const chip = element(
      "button",
      { class: "wt-chip", type: "button", "data-term": step.name, title: step.name },
      formula(step.symbol),
      element("span", { class: "wt-chip-name" }, step.name.replaceAll("_", " ")),
    );
    chip.addEventListener("click", () => this.choose(step.name));
    return chip;
  }

  show(name) {
    if (this.lesson.steps.find((step) => step.name === name)?.given) this.given.open = true;
    for (const [step, chip] of this.chips) {
      if (step === name) chip.setAttribute("aria-current", "step");
      else chip.removeAttribute("aria-current");
    }
    this.drawArcs(name);
  }

  /** Arcs on the left from each input to its step; those of the current step stand out. */
  drawArcs(current = this.current) {
    this.current = current;
    if (!this.chips) return;
    const top = this.list.getBoundingClientRect().top;
    const middle = (name) => {
      const chip = this.chips.get(name);
      const box = (chip.offsetParent ? chip : this.given).getBoundingClientRect();
      return chip.offsetParent || !this.given.open
        ? box.top + Math.min(box.height, 30) / 2 - top
        : null;
    };
    const order = this.lesson.steps.map((step) => step.name);
    const arcs = this.lesson.steps.flatMap((step) =>
      [...new Set(Object.values(step.inputs))].map((input) => {
        const [from, to] = [middle(input), middle(step.name)];
        const reach = Math.min(
          34,
          6 + STEP_PX * Math.abs(order.indexOf(step.name) - order.indexOf(input)),
        );
        const lit = [step.name, input].includes(current);
        return svgNode("path", {
          d: `M40 ${from} C${40 - reach} ${from} ${40 - reach} ${to} 40 ${to}`,
          class: lit ? "wt-arc wt-lit" : "wt-arc",
        });
      }),
    );
    this.arcs.setAttribute("height", String(this.list.offsetHeight));
    this.arcs.replaceChildren(...arcs);
  }
}
