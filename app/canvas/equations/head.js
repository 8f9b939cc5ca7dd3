// What stands above a derivation: its title, what it proves, the whole formula.
import { element } from "../kit/elements.js";
import { badge } from "./badge.js";
import { formula, prose } from "./formula.js";

/** @returns {Node[]} */
export function headOf(lesson) {
  const whole = lesson.whole ? [element("div", { class: "wt-whole" }, formula(lesson.whole))] : [];
  return [
    element("h2", {}, lesson.title),
    badge(lesson),
    ...whole,
    element("p", {}, ...prose(lesson.introduction)),
  ];
}
