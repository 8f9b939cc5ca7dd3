// The chosen step: its equation, what it means, its numbers, the code that made them.
import { element } from "../kit/elements.js";
import { say } from "../kit/words.js";
import { code } from "./code.js";
import { formula, prose } from "./formula.js";
import { numbers } from "./numbers.js";

export class Detail {
  constructor() {
    this.closed = new Set(); // names of sections the visitor has closed
    this.root = element("article", { class: "wt-detail", "aria-live": "polite" });
  }

  /** Show a step of a lesson. */
  show(step, lesson) {
    const axes =
      step.axes.map(([axis, size]) => `${axis} ${size}`).join(" × ") ||
      say("canvas.equations.one_number");
    const checks = step.checks.map(({ text, holds }) =>
      element("li", { class: holds ? "wt-holds" : "wt-fails" }, `${holds ? "✓" : "✗"} ${text}`),
    );
    const cards = [step.name, ...step.terms.filter((name) => name !== step.name)].map((name) =>
      card(lesson, name),
    );
    const parts = [
      element("div", { class: "wt-equation", "data-term": step.name }, formula(step.equation)),
      element(
        "p",
        { class: "wt-meta" },
        element("code", {}, step.name),
        ` [${axes}]${step.unit ? ` · ${step.unit}` : ""} · ${step.source}`,
      ),
      element("p", {}, ...prose(step.text)),
      element("ul", { class: "wt-checks" }, ...checks),
      this.section(
        "numbers",
        say("canvas.equations.numbers"),
        element("div", { class: "wt-cards" }, ...cards),
      ),
    ];
    if (step.code.length)
      parts.push(
        this.section("code", say("canvas.equations.code", { name: step.function }), code(step)),
      );
    this.root.replaceChildren(...parts);
  }

  /** A part that stays open or closed from step to step. */
  section(name, title, body) {
    const details = element(
      "details",
      { open: this.closed.has(name) ? false : "open", "data-section": name },
      element("summary", {}, title),
      body,
    );
    details.addEventListener("toggle", () =>
      details.open ? this.closed.delete(name) : this.closed.add(name),
    );
    return details;
  }

  /** Open or close a section. */
  toggle(name) {
    for (const details of this.root.querySelectorAll("details")) {
      if (details.dataset.section === name) details.open = !details.open;
    }
  }
}

/** One tensor in numbers. */
function card(lesson, name) {
  const step = lesson.steps.find((one) => one.name === name);
  return element(
    "div",
    { class: "wt-card", "data-term": name },
    element(
      "div",
      { class: "wt-card-head" },
      formula(step.symbol),
      element(
        "span",
        { class: "wt-quiet" },
        `${name} [${step.axes.map(([axis, size]) => `${axis} ${size}`).join(", ") || say("canvas.equations.one_number")}]`,
      ),
    ),
    numbers(step.table),
    element("p", { class: "wt-said" }),
  );
}
