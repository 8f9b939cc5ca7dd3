// A picture or a small map to point at or draw on, before the marks are shown.
import { element } from "../kit/elements.js";
import { say } from "../kit/words.js";

const SVG = "http://www.w3.org/2000/svg";
const STEP = 0.02; // of the picture, for arrow keys
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

export class Ground {
  /** `step.ground` is { picture, hw } or { cells } with rows of numbers. */
  constructor(step, changed) {
    this.draws = step.prediction.kind === "drawing";
    this.changed = changed;
    this.points = []; // [x, y] in shares
    const { picture, hw, cells } = step.ground;
    const [height, width] = hw ?? [cells.length, cells[0].length];
    this.size = [width, height];
    this.ink = svg("g", { class: "dl-ink" });
    this.truth = svg("g", { class: "dl-truth-marks" });
    this.view = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "dl-ground" });
    if (picture) this.view.append(svg("image", { href: picture, width, height }));
    else this.view.append(...cellsOf(cells));
    this.view.append(this.ink, this.truth);
    this.root = element("div", {
      class: "dl-ground-room",
      tabindex: "0",
      role: "application",
      "aria-label": say(`lesson.how.${step.prediction.kind}`),
    });
    this.root.append(this.view);
    this.listen();
  }

  listen() {
    let down = false;
    const take = (event) => this.put(this.placeOf(event), this.draws && down);
    this.root.addEventListener("pointerdown", (event) => {
      this.root.setPointerCapture(event.pointerId);
      take(event);
      down = true;
    });
    this.root.addEventListener("pointermove", (event) => down && this.draws && take(event));
    for (const end of ["pointerup", "pointercancel"])
      this.root.addEventListener(end, () => (down = false));
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  placeOf(event) {
    const box = this.view.getBoundingClientRect();
    const share = (at, from, length) => Math.min(1, Math.max(0, (at - from) / length));
    return [share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height)];
  }

  key(event) {
    const arrow = ARROWS[event.key];
    if (!arrow || this.closed) return;
    event.preventDefault();
    event.stopPropagation();
    const [x, y] = this.points.at(-1) ?? [0.5, 0.5];
    const clamp = (value) => Math.min(1, Math.max(0, value));
    this.put([clamp(x + STEP * arrow[0]), clamp(y + STEP * arrow[1])], false);
  }

  put(place, more) {
    if (this.closed) return;
    this.points = more ? [...this.points, place] : [place];
    this.paint(this.ink, this.points, "dl-said");
    this.changed();
  }

  paint(group, places, name) {
    const [width, height] = this.size;
    const radius = 0.018 * Math.max(width, height);
    const at = places.map(([x, y]) => [x * width, y * height]);
    const marks = at.length > 1 ? [svg("polyline", { points: at.join(" "), class: name })] : [];
    if (at.length === 1 || !this.draws)
      marks.push(...at.map(([cx, cy]) => svg("circle", { cx, cy, r: radius, class: name })));
    group.replaceChildren(...marks);
  }

  reveal(answer) {
    this.closed = true;
    this.paint(this.truth, answer, "dl-true");
  }
}

function cellsOf(rows) {
  return rows.flatMap((row, y) =>
    row.flatMap((value, x) => {
      const text = svg("text", { x: x + 0.5, y: y + 0.62, class: "dl-cell-text" });
      text.textContent = String(value);
      return [svg("rect", { x, y, width: 1, height: 1, class: "dl-cell" }), text];
    }),
  );
}
