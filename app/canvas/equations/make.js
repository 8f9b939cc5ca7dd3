// Elements without HTML strings: text stays text, and MathML is parsed as the XML it is.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** MathML text from the server as an element. */
export function formula(text) {
  const parsed = new DOMParser().parseFromString(text, "application/xml");
  return document.importNode(parsed.documentElement, true);
}

/** Spans [kind, text] as nodes. */
export function prose(spans) {
  const node = { text: (text) => document.createTextNode(text), math: formula };
  return spans.map(([kind, text]) => node[kind]?.(text) ?? make(kind, {}, text));
}
