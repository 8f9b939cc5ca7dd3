// The function that made a value; identifiers that are steps know which.
import { element } from "../kit/elements.js";
import { say } from "../kit/words.js";

const WORD = /[A-Za-z_]\w*/g;

function lineOf(text, step, inDocstring) {
  const line = element("span", { class: "wt-line" });
  if (!inDocstring && /^\s*return\b/.test(text)) line.dataset.term = step.name;
  let at = 0;
  for (const match of inDocstring ? [] : text.matchAll(WORD)) {
    const term = step.inputs[match[0]];
    if (!term) continue;
    line.append(
      text.slice(at, match.index),
      element("span", { class: "wt-word", "data-term": term }, match[0]),
    );
    at = match.index + match[0].length;
  }
  line.append(`${text.slice(at)}\n`);
  return line;
}

/** The code of a step as lines; `data-term` names what a word or a line is about. */
export function code(step) {
  let inDocstring = false;
  const lines = step.code.map((text) => {
    const quotes = (text.match(/"""/g) ?? []).length;
    const quiet = inDocstring || quotes > 0;
    if (quotes % 2) inDocstring = !inDocstring;
    const line = lineOf(text, step, quiet);
    line.classList.toggle("wt-quiet", quiet);
    return line;
  });
  return element(
    "pre",
    {
      class: "wt-code",
      tabindex: "0",
      "aria-label": say("canvas.equations.source", { name: step.function }),
    },
    ...lines,
  );
}
