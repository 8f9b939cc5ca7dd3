// Whether the lines give what the module itself returned, and whether the picture shows their numbers.
import { element } from "../kit/elements.js";
import { say } from "../kit/words.js";

const SHARE = 1e-3; // of the largest value: what rounding alone may part

/** Marks that are not those of the lines are not drawn; a page stored before lacks the number. */
export const isDrawnTruly = ({ drawn_apart: apart }) =>
  apart === undefined || Number(apart) <= SHARE;

export function badge(lesson) {
  const exact = Number(lesson.difference) <= SHARE * lesson.scale + 1e-12;
  const drawn = isDrawnTruly(lesson);
  const agrees = exact ? (lesson.holds ? "equals" : "fails") : "differs";
  const verdict = drawn ? agrees : "drawn";
  const whose = drawn && lesson.compare ? ".broken" : "";
  return element(
    "span",
    {
      class: `wt-badge${exact && lesson.holds ? "" : " wt-bad"}${drawn ? "" : " wt-wrong"}`,
      title: say(`canvas.equations.badge.${drawn ? "title" : "drawn.title"}`),
    },
    say(`canvas.equations.badge.${verdict}${whose}`, lesson),
  );
}
