// Notes what is drawn: every call and every set property of the canvases on the page since they
// were last cleared, and every SVG picture, numbers rounded to a hundredth.

const drawings = new WeakMap(); // canvas -> lines
let calls = 0;

const short = (value) => {
  if (typeof value === "number") return String(Math.round(value * 100) / 100 + 0);
  if (Array.isArray(value)) return `[${value.map(short).join(" ")}]`;
  if (value instanceof HTMLCanvasElement)
    return `canvas:${value.width}x${value.height}:${inkOf(value)}`;
  if (value instanceof HTMLImageElement)
    return `image:${value.naturalWidth}x${value.naturalHeight}`;
  return String(value);
};

/** A fingerprint of a canvas's pixels. */
function inkOf(canvas) {
  const { data } = original.getImageData.call(
    canvas.getContext("2d"),
    0,
    0,
    canvas.width,
    canvas.height,
  );
  let hash = 2166136261;
  for (const byte of data) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
  return hash.toString(16);
}

function note(context, line, clears) {
  const { canvas } = context;
  if (!canvas.isConnected) return;
  calls++;
  if (clears || !drawings.has(canvas)) drawings.set(canvas, []);
  drawings.get(canvas).push(line);
}

const original = {};
const prototype = CanvasRenderingContext2D.prototype;
for (const name of Object.getOwnPropertyNames(prototype)) {
  const property = Object.getOwnPropertyDescriptor(prototype, name);
  if (typeof property.value === "function" && name !== "constructor") {
    original[name] = property.value;
    prototype[name] = function (...args) {
      note(this, [name, ...args.map(short)].join(" "), name === "clearRect");
      return property.value.apply(this, args);
    };
  } else if (property.set) {
    Object.defineProperty(prototype, name, {
      ...property,
      set(value) {
        note(this, `${name} = ${short(value)}`);
        property.set.call(this, value);
      },
    });
  }
}

const SPOKEN = /^(aria-|data-lit|tabindex|role|href$)/;
const rounded = (text) => text.replace(/-?\d+\.\d+(e-?\d+)?/g, (number) => short(Number(number)));

function svgLines(node, depth = 0) {
  const attributes = [...node.attributes]
    .filter(({ name }) => !SPOKEN.test(name))
    .map(({ name, value }) => ` ${name}=${rounded(value)}`);
  const text = node.childElementCount ? "" : node.textContent;
  const line = `${" ".repeat(depth)}${node.tagName}${attributes.join("")}${text && ` | ${text}`}`;
  return [line, ...[...node.children].flatMap((child) => svgLines(child, depth + 1))];
}

/** What is on the page now, by surface: the canvases of a stage, and pictures in SVG. */
window.drawn = () => {
  const found = {};
  const put = (name, lines) => {
    let free = name;
    for (let n = 2; free in found; n++) free = `${name} ${n}`;
    found[free] = lines.join("\n");
  };
  for (const canvas of document.querySelectorAll("canvas")) {
    const name = /dv-canvas-(\w+)/.exec(canvas.className)?.[1];
    if (!name) continue; // numbers of a table, not a picture
    const stage = /dr-(now|first|last)/.exec(canvas.parentElement.className)?.[1];
    put(stage ? `${stage} ${name}` : name, drawings.get(canvas) ?? []);
  }
  for (const svg of document.querySelectorAll("svg.wt-svg")) put("picture", svgLines(svg));
  for (const svg of document.querySelectorAll(".dv-legend svg")) put("legend", svgLines(svg));
  for (const svg of document.querySelectorAll("svg.dr-chart")) put("curves", svgLines(svg));
  return found;
};
window.drawnCalls = () => calls;

window.fresh = (className) => {
  const parent = document.createElement("div");
  const inner = document.createElement("div");
  inner.className = className;
  parent.append(inner);
  document.getElementById("host").replaceChildren(parent);
  return parent;
};
