// Formulas and prose without HTML strings: MathML is parsed as the XML it is, text stays text.
import { element } from "../kit/elements.js";

const SCRIPTS = "msub, msup, msubsup, munder, mover, munderover";
const AXES = { m: "head", l: "level", k: "point" };

/** MathML text from the server as an element; indices know which axis they count. */
export function formula(text) {
  const parsed = new DOMParser().parseFromString(text, "application/xml");
  const math = document.importNode(parsed.documentElement, true);
  for (const node of math.querySelectorAll(SCRIPTS)) {
    for (const script of [...node.children].slice(1)) markIndices(script);
  }
  return math;
}

function markIndices(script) {
  const letters = script.localName === "mi" ? [script] : script.querySelectorAll("mi");
  for (const letter of letters) {
    const axis = AXES[letter.textContent];
    if (!axis) continue;
    letter.setAttribute("class", "index");
    letter.setAttribute("data-index", axis);
  }
}

/** Spans [kind, text] as nodes. */
export function prose(spans) {
  const node = { text: (text) => document.createTextNode(text), math: formula };
  return spans.map(([kind, text]) => node[kind]?.(text) ?? element(kind, {}, text));
}
