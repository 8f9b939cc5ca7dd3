// What lights up together: symbol, tensor, picture and code of the same thing.
import { say } from "../kit/words.js";
import { hasIndices } from "./indices.js";
import { cellSamples } from "./numbers.js";

const MOST_SPELLED = 8;
/** @returns {Iterable<HTMLElement>} what is about a tensor, formulas included */
const termsIn = (root) => root.querySelectorAll("[data-term]");

export class Lights {
  /** @param {import("./walkthrough.js").Walkthrough} page whose root, lesson, sample and views are lit */
  constructor(page) {
    this.page = page;
    page.root.addEventListener("pointerover", (event) => this.point(event.target));
    page.root.addEventListener("focusin", (event) => this.point(event.target));
    page.root.addEventListener("pointerleave", () => this.light({}));
  }

  /** What the pointer or the focus is on, wherever on the page it is. */
  point(target) {
    if (target.closest?.(".wt-sample")) return;
    const index = hasIndices(this.page.lesson)
      ? target.closest?.("[data-index]")?.dataset.index
      : null;
    if (index) {
      this.light({ sample: { [index]: this.page.sample[index] }, index });
      return;
    }
    const term = target.closest?.("[data-term]")?.dataset.term ?? null;
    const part = target.closest?.("[data-part]")?.dataset.part ?? null;
    this.light({ term, sample: cellSamples.get(target) ?? null, part });
  }

  /** The part of the picture a tensor is seen in, or null. */
  partOf(name) {
    return this.page.lesson.steps.find((step) => step.name === name)?.part || null;
  }

  /** Light up everything that shows the same thing: symbol, tensor, picture, code. */
  light({ term = null, sample = null, part = null, index = null }) {
    const { page } = this;
    const shown = part ?? this.partOf(term) ?? (sample ? "samples" : null);
    const fits =
      sample &&
      ((one) =>
        ["head", "level", "point"].every(
          (axis) => !(axis in sample) || !(axis in one) || sample[axis] === one[axis],
        ));
    for (const node of termsIn(page.root)) {
      const name = node.dataset.term;
      const lit = term ? name === term : Boolean(shown) && this.partOf(name) === shown;
      node.classList.toggle("wt-lit", lit && !node.classList.contains("wt-equation"));
    }
    for (const cell of page.root.querySelectorAll(".wt-cell")) {
      const own = cellSamples.get(cell);
      cell.classList.toggle("wt-lit", Boolean(fits && own && fits(own)));
    }
    this.spell(sample ?? page.sample);
    page.indices.show({ ...page.sample, ...sample }, index);
    for (const view of page.views) view.show(page.sample, fits, shown);
    for (const [scope, button] of page.buttons) {
      button.textContent = say(`canvas.equations.scope.${scope}`, page.sample);
      button.setAttribute("aria-pressed", String(scope === page.scope));
    }
  }

  /** The numbers of one sample in words, on every card that has some. */
  spell(sample) {
    const fits = (one) =>
      ["head", "level", "point"].every(
        (axis) => !(axis in one) || !(axis in sample) || one[axis] === sample[axis],
      );
    for (const card of this.page.root.querySelectorAll(".wt-card")) {
      const cells = [...card.querySelectorAll(".wt-small .wt-cell")].filter(
        (cell) => cellSamples.has(cell) && fits(cellSamples.get(cell)),
      );
      card.querySelector(".wt-said").textContent =
        cells.length > MOST_SPELLED
          ? ""
          : cells.map((cell) => cell.getAttribute("title")).join(" · ");
    }
  }
}
