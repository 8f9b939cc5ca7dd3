// The indices of a formula and what they are in the picture: m a colour, l a shape, k a point.
import { element } from "../kit/elements.js";
import { glyph } from "../kit/signs.js";
import { say } from "../kit/words.js";

const LETTERS = { head: "m", level: "l", point: "k" };

/** Whether a lesson's samples are counted by head, level and point. */
export const hasIndices = (lesson) => lesson.pictures.length > 0 && lesson.sizes?.length === 3;

export class Indices {
  constructor(page) {
    this.page = page;
    this.shown = "";
    this.root = element("div", {
      class: "wt-indices",
      role: "group",
      "aria-label": say("canvas.equations.indices"),
    });
  }

  /** Say which head, level and point a sample has; `axis` is the index that is pointed at. */
  show(sample, axis) {
    const { lesson, palette } = this.page;
    this.root.hidden = !hasIndices(lesson);
    const key = JSON.stringify([sample.head, sample.level, sample.point]);
    if (key !== this.shown) {
      this.shown = key;
      const { heads, marks } = palette;
      const signs = {
        head: glyph("circle", heads[sample.head % heads.length]),
        level: glyph(marks[sample.level % marks.length], "transparent"),
      };
      this.root.replaceChildren(
        ...Object.entries(LETTERS).map(([name, letter]) =>
          element(
            "button",
            { type: "button", class: "wt-index", "data-index": name },
            element("i", {}, letter),
            ...(signs[name] ? [signs[name]] : []),
            say(`canvas.equations.index.${name}`, { number: sample[name] }),
          ),
        ),
      );
    }
    this.page.root.style.setProperty(
      "--wt-head",
      palette.heads[sample.head % palette.heads.length],
    );
    for (const node of this.page.root.querySelectorAll("[data-index]"))
      node.classList.toggle("wt-lit", node.dataset.index === axis);
  }
}
