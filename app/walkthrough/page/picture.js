// One sight of the model: picture or toy map, samples of the query, reference, corners, boxes.
import { draw, make } from "./make.js";
import { markerMark } from "./glyphs.js";

const MARGIN = 0.06;
const NUDGE = 0.02;

function rectangle([x0, y0, x1, y1], attributes) {
  return draw("rect", { x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0), ...attributes });
}

export class Picture {
  /**
   * `page` hears "light" (a sample is pointed at), "take" (one is clicked) and "move" (one was
   * dragged); `data` is one of the server's pictures.
   */
  constructor(page, data, movable) {
    Object.assign(this, { page, data, movable });
    this.samples = [];
    const [width, height] = data.padded;
    this.unit = Math.max(width, height) / 100;
    const margin = MARGIN * Math.max(width, height);
    this.svg = draw("svg", { viewBox: [-margin, -margin, width + 2 * margin, height + 2 * margin].join(" "),
      class: "wt-svg", role: "img", "aria-label": `${data.title}: where the query reads` });
    this.svg.append(...this.ground(), ...this.boxes(), ...this.corners(), ...this.lines(), ...this.points(), ...this.reference());
    this.root = make("figure", { class: "wt-figure" }, make("figcaption", {}, data.title), this.svg);
  }

  ground() {
    const { url, size, padded, cells } = this.data;
    const parts = [rectangle([0, 0, ...padded], { class: "wt-padding", "data-part": "padding" })];
    if (url) parts.push(draw("image", { href: url, width: size[0], height: size[1], preserveAspectRatio: "none" }));
    else parts.push(rectangle([0, 0, ...size], { class: "wt-paper" }));
    if (!cells) return parts;
    const [rows, columns] = cells;
    for (let row = 0; row <= rows; row += 1) parts.push(draw("line", { class: "wt-grid", x1: 0, x2: padded[0], y1: (row * padded[1]) / rows, y2: (row * padded[1]) / rows }));
    for (let column = 0; column <= columns; column += 1) parts.push(draw("line", { class: "wt-grid", y1: 0, y2: padded[1], x1: (column * padded[0]) / columns, x2: (column * padded[0]) / columns }));
    return parts;
  }

  boxes() {
    const { unit } = this;
    const parts = this.data.boxes.map(({ box, name }) => draw("g", { class: "wt-found" }, rectangle(box, {}),
      draw("text", { x: box[0] + unit, y: box[1] - unit, "font-size": 3.4 * unit }, name)));
    if (this.data.box) parts.push(rectangle(this.data.box, { class: "wt-box", "data-part": "box" }));
    return parts;
  }

  corners() {
    return this.data.corners.map(({ box, share }) => rectangle(box, { class: "wt-corner", "data-part": "corners",
      style: `fill-opacity: ${(0.15 + 0.6 * share).toFixed(3)}` }));
  }

  /** [head, level, point] of the i-th sample. */
  indices(at) {
    const [, levels, points] = this.data.shape;
    return [Math.floor(at / (levels * points)), Math.floor(at / points) % levels, at % points];
  }

  lines() {
    const { locations, references } = this.data;
    this.strokes = locations.length / 2;
    return Array.from({ length: locations.length / 2 }, (_, at) => {
      const [head, level] = this.indices(at);
      const line = draw("line", { class: "wt-step", "data-part": "steps", stroke: this.page.colour(head),
        x1: references[2 * level], y1: references[2 * level + 1], x2: locations[2 * at], y2: locations[2 * at + 1] });
      this.samples.push({ line });
      return line;
    });
  }

  points() {
    const { locations, weights } = this.data;
    const most = Math.max(...weights, 1e-9);
    return weights.map((weight, at) => {
      const [head, level, point] = this.indices(at);
      const radius = this.unit * (0.5 + 1.9 * Math.sqrt(Math.max(0, weight) / most));
      const mark = draw("g", { class: "wt-sample", "data-part": "samples", fill: this.page.colour(head) },
        this.shape(level, radius), draw("title", {}, `head ${head}, level ${level}, point ${point}: weight ${weight.toFixed(3)}`));
      const sample = { ...this.samples[at], mark, head, level, point, x: locations[2 * at], y: locations[2 * at + 1] };
      this.samples[at] = sample;
      this.put(sample, sample.x, sample.y);
      this.listen(sample);
      return mark;
    });
  }

  shape(level, radius) {
    const mark = markerMark(this.page.mark(level), 0, 0, radius, {});
    return mark.type === "circle" ? draw("circle", { r: radius }) : draw("polygon", { points: mark.points.map((pair) => pair.join(",")).join(" ") });
  }

  reference() {
    const { references, reference_box: box } = this.data;
    const reach = 2.4 * this.unit;
    const cross = `M${references[0] - reach} ${references[1]} h${2 * reach} M${references[0]} ${references[1] - reach} v${2 * reach}`;
    const parts = [draw("path", { d: cross, class: "wt-cross-halo" }), draw("path", { d: cross, class: "wt-cross", "data-part": "reference" })];
    if (box) parts.unshift(rectangle(box, { class: "wt-reference-box", "data-part": "reference" }));
    return parts;
  }

  put(sample, x, y) {
    sample.mark.setAttribute("transform", `translate(${x} ${y})`);
    sample.line.setAttribute("x2", x);
    sample.line.setAttribute("y2", y);
  }

  listen(sample) {
    const { mark } = sample;
    mark.addEventListener("pointerenter", () => this.page.light({ sample }));
    mark.addEventListener("pointerleave", () => this.page.light({}));
    mark.addEventListener("pointerdown", (event) => this.begin(event, sample));
  }

  begin(event, sample) {
    event.preventDefault();
    const start = [event.clientX, event.clientY];
    let moved = null;
    const follow = (now) => {
      if (!this.movable || (!moved && Math.hypot(now.clientX - start[0], now.clientY - start[1]) < 4)) return;
      const place = new DOMPoint(now.clientX, now.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
      moved = [place.x, place.y];
      this.put(sample, ...moved);
    };
    const finish = () => {
      window.removeEventListener("pointermove", follow);
      window.removeEventListener("pointerup", finish);
      window.removeEventListener("pointercancel", finish);
      if (moved) this.report(sample, ...moved);
      else this.page.take(sample);
    };
    window.addEventListener("pointermove", follow);
    window.addEventListener("pointerup", finish);
    window.addEventListener("pointercancel", finish);
  }

  /** Tell where a sample was put, in shares of the padded picture. */
  report(sample, x, y) {
    const [scaleX, shiftX, scaleY, shiftY] = this.data.affine;
    this.page.move(sample, (x - shiftX) / scaleX, (y - shiftY) / scaleY);
  }

  /** Move a sample with the keyboard. */
  nudge(chosen, dx, dy) {
    const sample = this.samples.find((one) => one.head === chosen.head && one.level === chosen.level && one.point === chosen.point);
    if (!this.movable || !sample) return;
    const [width, height] = this.data.padded;
    this.report(sample, sample.x + NUDGE * dx * width, sample.y + NUDGE * dy * height);
  }

  /** Let samples and parts stand out; the rest steps back. */
  show(chosen, matches, part) {
    this.svg.dataset.lit = part ?? "";
    this.svg.classList.toggle("wt-pointing", Boolean(matches));
    for (const sample of this.samples) {
      const lit = Boolean(matches?.(sample));
      sample.mark.classList.toggle("wt-lit", lit);
      sample.line.classList.toggle("wt-lit", lit);
      sample.mark.classList.toggle("wt-chosen", sample.head === chosen.head && sample.level === chosen.level && sample.point === chosen.point);
    }
  }
}
