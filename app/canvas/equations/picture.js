// One sight of the model on the page: its marks as nodes one can point at and drag.
import { element } from "../kit/elements.js";
import { surfaceMarks } from "../kit/marks.js";
import { svgMark, svgNode } from "../kit/paint_svg.js";
import { say } from "../kit/words.js";
import { Aim } from "./aim.js";
import { EQUATIONS_DRAWING } from "./marks.js";

const NUDGE = 0.02;
const DRAG_REACH = 4; // screen pixels before a press is a drag
const USUAL_WIDTH = 450; // until the page has laid the picture out
const NOTICED = 0.02; // a change of size that is worth drawing again
// Layers that light up with a tensor.
const PARTS = ["samples", "steps", "reference", "corners", "box"];

export class Picture {
  /**
   * `page` hears "light" (a sample is pointed at), "take" (one is clicked), "move" (one was
   * dragged) and "ask" (another query is wanted); `data` is one of the server's pictures.
   */
  constructor(page, data, movable) {
    this.page = page;
    this.data = data;
    this.movable = movable;
    this.samples = [];
    this.found = svgNode("g");
    this.above = svgNode("g"); // what follows the pointer
    this.perPixel = 0; // pixels of the picture in one of the screen, when it was drawn
    this.svg = /** @type {SVGSVGElement} */ (
      svgNode("svg", {
        class: "wt-svg",
        tabindex: "0",
        role: "group",
        "aria-label": say("canvas.equations.picture", { title: data.title }),
      })
    );
    this.root = element(
      "figure",
      { class: "wt-figure" },
      element("figcaption", {}, data.title),
      this.svg,
    );
    this.aim = new Aim(this);
    this.draw();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.svg);
  }

  /** Marks keep their size on the screen. */
  resize() {
    const { width } = this.svg.getBoundingClientRect();
    if (!width || this.page.dragging) return;
    if (Math.abs(this.scene.perPixel / this.perPixel - 1) < NOTICED) return;
    this.draw();
    this.page.light({});
  }

  /** What is drawn now, from the state of the page. */
  get scene() {
    const { data, page, svg } = this;
    const { width, height } = svg.getBoundingClientRect();
    const state = { data, palette: page.palette, scope: page.scope };
    return EQUATIONS_DRAWING.compose(state, width || USUAL_WIDTH, height || Infinity);
  }

  draw() {
    const { scene } = this;
    this.perPixel = scene.perPixel;
    const marks = surfaceMarks(EQUATIONS_DRAWING, scene, "picture");
    const of = (...layers) => marks.filter(({ layer }) => layers.includes(layer));
    this.svg.setAttribute("viewBox", scene.frame.join(" "));
    const steps = this.nodes(of("steps"));
    this.samples = of("samples").map((mark, at) => this.sampleOf(mark, steps[at]));
    this.fill(this.found, of("detections", "box"));
    this.svg.replaceChildren(
      ...this.nodes(of("ground", "asking")),
      this.above,
      this.found,
      ...this.nodes(of("corners")),
      ...steps,
      ...this.samples.map(({ node }) => node),
      ...this.nodes(of("reference")),
    );
  }

  /** Nodes of marks, each knowing which part of the picture it is. */
  nodes(marks) {
    return marks.flatMap((mark) => {
      const nodes = svgMark(mark);
      const part = PARTS.includes(mark.layer) ? mark.layer : mark.of?.part;
      if (part && mark.kind !== "text") nodes.at(-1).dataset.part = part;
      return nodes;
    });
  }

  /** Detections with their names; only the followed one keeps its name in sight. */
  fill(group, marks) {
    const found = marks.filter(({ layer }) => layer === "detections");
    const groups = [...new Set(found.map(({ of }) => of.query))].map((query) => {
      const own = found.filter((mark) => mark.of.query === query);
      const name = own.at(-1).text;
      const words = this.data.cells_hw ? name : say("canvas.equations.follow", { name, query });
      const node = svgNode(
        "g",
        {
          class: query === this.data.query ? "wt-found wt-own" : "wt-found",
          "data-query": String(query),
        },
        ...own.flatMap(svgMark),
        svgNode("title", {}, words),
      );
      if (!this.data.cells_hw) node.addEventListener("click", () => this.page.ask(query));
      return node;
    });
    group.replaceChildren(...groups, ...this.nodes(marks.filter(({ layer }) => layer === "box")));
  }

  /** What the model says while a sample is still being dragged. */
  answer(data) {
    Object.assign(this.data, { boxes: data.boxes, box: data.box });
    const marks = surfaceMarks(EQUATIONS_DRAWING, this.scene, "picture");
    this.fill(
      this.found,
      marks.filter(({ layer }) => ["detections", "box"].includes(layer)),
    );
  }

  /** A sample that can be pointed at and moved, with the line that leads to it. */
  sampleOf(mark, line) {
    const { head, level, point, weight } = mark.of;
    const { x, y } = mark;
    const node = svgNode(
      "g",
      { class: "wt-sample", "data-part": "samples" },
      ...svgMark({ ...mark, x: 0, y: 0 }),
      svgNode(
        "title",
        {},
        say("canvas.equations.sample", { head, level, point, weight: weight.toFixed(3) }),
      ),
    );
    const start = line.getAttribute("points").split(" ")[0];
    const sample = { node, line, start, head, level, point, x, y };
    this.put(sample, x, y);
    this.listen(sample);
    return sample;
  }

  put(sample, x, y) {
    sample.node.setAttribute("transform", `translate(${x} ${y})`);
    sample.line.setAttribute("points", `${sample.start} ${x},${y}`);
  }

  listen(sample) {
    const { node } = sample;
    node.addEventListener("pointerenter", () => this.page.light({ sample }));
    node.addEventListener("pointerleave", () => this.page.light({}));
    node.addEventListener("pointerdown", (event) => this.begin(event, sample));
  }

  /** Where a pointer is, in pixels of the picture. */
  place(event) {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(
      this.svg.getScreenCTM().inverse(),
    );
    return [x, y];
  }

  /**
   * The same in shares of the padded picture.
   * @param {number[]} place
   * @returns {[number, number]}
   */
  share(place) {
    const [x, y] = place;
    const [scaleX, shiftX, scaleY, shiftY] = this.data.affine;
    return [(x - shiftX) / scaleX, (y - shiftY) / scaleY];
  }

  begin(event, sample) {
    event.preventDefault();
    const start = [event.clientX, event.clientY];
    let moved = null;
    const follow = (now) => {
      const away = Math.hypot(now.clientX - start[0], now.clientY - start[1]);
      if (!this.movable || (!moved && away < DRAG_REACH)) return;
      moved = this.place(now);
      this.put(sample, moved[0], moved[1]);
      this.page.drag(sample, ...this.share(moved));
    };
    const finish = () => {
      window.removeEventListener("pointermove", follow);
      window.removeEventListener("pointerup", finish);
      window.removeEventListener("pointercancel", finish);
      if (moved) this.page.move(sample, ...this.share(moved));
      else this.page.take(sample);
    };
    window.addEventListener("pointermove", follow);
    window.addEventListener("pointerup", finish);
    window.addEventListener("pointercancel", finish);
  }

  /** Move a sample with the keyboard. */
  nudge(chosen, dx, dy) {
    const sample = this.samples.find(
      (one) => one.head === chosen.head && one.level === chosen.level && one.point === chosen.point,
    );
    if (!this.movable || !sample) return;
    const [width, height] = this.data.padded;
    this.page.move(
      sample,
      ...this.share([sample.x + NUDGE * dx * width, sample.y + NUDGE * dy * height]),
    );
  }

  /** Whether a sample belongs to what is looked at: all, one head, or one sample. */
  inScope(sample, chosen) {
    const { scope } = this.page;
    if (scope === "all" || sample.head !== chosen.head) return scope === "all";
    return scope === "head" || (sample.level === chosen.level && sample.point === chosen.point);
  }

  /** Let samples and parts stand out; the rest steps back. */
  show(chosen, matches, part) {
    this.svg.dataset.lit = part ?? "";
    this.svg.classList.toggle("wt-pointing", Boolean(matches));
    for (const sample of this.samples) {
      const lit = Boolean(matches?.(sample));
      const away = !this.inScope(sample, chosen);
      for (const node of [sample.node, sample.line]) {
        node.classList.toggle("wt-lit", lit);
        node.classList.toggle("wt-away", away);
      }
      sample.node.classList.toggle(
        "wt-chosen",
        sample.head === chosen.head &&
          sample.level === chosen.level &&
          sample.point === chosen.point,
      );
    }
  }

  close() {
    this.observer.disconnect();
  }
}
