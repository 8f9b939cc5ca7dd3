// Formulas and prose without HTML strings: MathML is parsed as the XML it is, text stays text.
import { element } from "../kit/elements.js";

/** MathML text from the server as an element. */
export function formula(text) {
  const parsed = new DOMParser().parseFromString(text, "application/xml");
  return document.importNode(parsed.documentElement, true);
}

/** Spans [kind, text] as nodes. */
export function prose(spans) {
  const node = { text: (text) => document.createTextNode(text), math: formula };
  return spans.map(([kind, text]) => node[kind]?.(text) ?? element(kind, {}, text));
}
