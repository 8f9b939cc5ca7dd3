// One sight of the model: picture or toy map, samples of the query, reference, corners, boxes.
import { Aim } from "./aim.js";
import { draw, make } from "./make.js";
import { markerOutline } from "../kit/glyphs.js";
import { say } from "./numbers.js";

const MARGIN = 0.06;
const NUDGE = 0.02;
const AROUND_PIXELS = 0.35; // of the four cells, shown around them

export function rectangle([x0, y0, x1, y1], attributes) {
  return draw("rect", {
    x: x0,
    y: y0,
    width: Math.max(0, x1 - x0),
    height: Math.max(0, y1 - y0),
    ...attributes,
  });
}

export class Picture {
  /**
   * `page` hears "light" (a sample is pointed at), "take" (one is clicked), "move" (one was
   * dragged) and "ask" (another query is wanted); `data` is one of the server's pictures.
   */
  constructor(page, data, movable) {
    Object.assign(this, { page, data, movable });
    this.svg = draw("svg", {
      class: "wt-svg",
      tabindex: "0",
      role: "group",
      "aria-label": `${data.title}: where the query reads. Arrows choose another query.`,
    });
    this.root = make(
      "figure",
      { class: "wt-figure" },
      make("figcaption", {}, data.title),
      this.svg,
    );
    this.aim = new Aim(this);
    this.draw();
  }

  draw() {
    this.samples = [];
    const [x, y, width, height] = this.frame();
    this.unit = Math.max(width, height) / 112;
    this.svg.setAttribute("viewBox", [x, y, width, height].join(" "));
    this.found = draw("g", {}, ...this.boxes());
    this.svg.replaceChildren(
      ...this.ground(),
      ...this.aim.marks(),
      this.found,
      ...this.corners(),
      ...this.lines(),
      ...this.points(),
      ...this.reference(),
    );
  }

  /** x, y, width, height of what is shown: everything, or the chosen sample's four pixels. */
  frame() {
    const { padded, corners } = this.data;
    if (this.page.scope === "pixels" && corners.length) {
      const [xs, ys] = [0, 1].map((axis) =>
        corners.flatMap(({ box }) => [box[axis], box[axis + 2]]),
      );
      const [x0, y0, x1, y1] = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
      const edge = AROUND_PIXELS * Math.max(x1 - x0, y1 - y0);
      return [x0 - edge, y0 - edge, x1 - x0 + 2 * edge, y1 - y0 + 2 * edge];
    }
    const margin = MARGIN * Math.max(...padded);
    return [-margin, -margin, padded[0] + 2 * margin, padded[1] + 2 * margin];
  }

  ground() {
    const { url, size, padded, cells } = this.data;
    const parts = [rectangle([0, 0, ...padded], { class: "wt-padding", "data-part": "padding" })];
    if (url)
      parts.push(
        draw("image", { href: url, width: size[0], height: size[1], preserveAspectRatio: "none" }),
      );
    else parts.push(rectangle([0, 0, ...size], { class: "wt-paper" }));
    if (!cells) return parts;
    const [rows, columns] = cells.hw;
    const above = (this.page.scope === "pixels" ? 9 : 3.5) * this.unit; // clear of the shares
    for (let row = 0; row <= rows; row += 1)
      parts.push(
        draw("line", {
          class: "wt-grid",
          x1: 0,
          x2: padded[0],
          y1: (row * padded[1]) / rows,
          y2: (row * padded[1]) / rows,
        }),
      );
    for (let column = 0; column <= columns; column += 1)
      parts.push(
        draw("line", {
          class: "wt-grid",
          y1: 0,
          y2: padded[1],
          x1: (column * padded[0]) / columns,
          x2: (column * padded[0]) / columns,
        }),
      );
    cells.values.forEach((value, at) =>
      parts.push(
        draw(
          "text",
          {
            class: "wt-cell-value",
            "font-size": 4.2 * this.unit,
            x: ((at % columns) + 0.5) * (padded[0] / columns),
            y: (Math.floor(at / columns) + 0.5) * (padded[1] / rows) - above,
          },
          say(value),
        ),
      ),
    );
    return parts;
  }

  /** Detections, the largest at the bottom; only the followed one keeps its name in sight. */
  boxes() {
    const { unit } = this;
    const area = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);
    const parts = [...this.data.boxes]
      .sort((a, b) => area(b) - area(a))
      .map(({ box, name, query }) => {
        const own = query === this.data.query;
        const group = draw(
          "g",
          { class: own ? "wt-found wt-own" : "wt-found", "data-query": query },
          rectangle(box, {}),
          draw(
            "text",
            { x: box[0] + unit / 2, y: Math.max(box[1] - unit, 3 * unit), "font-size": 3.4 * unit },
            name,
          ),
          draw(
            "title",
            {},
            this.data.cells_hw ? name : `${name}, query ${query}: click to follow it`,
          ),
        );
        if (!this.data.cells_hw) group.addEventListener("click", () => this.page.ask(query));
        return group;
      });
    if (this.data.box)
      parts.push(rectangle(this.data.box, { class: "wt-box", "data-part": "box" }));
    return parts;
  }

  /** What the model says while a sample is still being dragged. */
  answer(data) {
    Object.assign(this.data, { boxes: data.boxes, box: data.box });
    this.found.replaceChildren(...this.boxes());
  }

  corners() {
    const close = this.page.scope === "pixels";
    return this.data.corners.flatMap(({ box, share, cell }) => {
      const parts = [
        rectangle(box, {
          class: "wt-corner",
          "data-part": "corners",
          style: `fill-opacity: ${(0.15 + 0.6 * share).toFixed(3)}`,
        }),
      ];
      if (close) {
        const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
        parts.push(
          draw(
            "text",
            { class: "wt-share", x, y, "font-size": 5.5 * this.unit },
            `× ${share.toFixed(3)}`,
          ),
          draw(
            "text",
            { class: "wt-share", x, y: y + 6 * this.unit, "font-size": 3.6 * this.unit },
            `column ${cell[0]}, row ${cell[1]}`,
          ),
        );
      }
      return parts;
    });
  }

  /** [head, level, point] of the i-th sample. */
  indices(at) {
    const [, levels, points] = this.data.shape;
    return [Math.floor(at / (levels * points)), Math.floor(at / points) % levels, at % points];
  }

  lines() {
    const { locations, starts } = this.data;
    return Array.from({ length: locations.length / 2 }, (_, at) => {
      const [head] = this.indices(at);
      const line = draw("line", {
        class: "wt-step",
        "data-part": "steps",
        stroke: this.page.colour(head),
        x1: starts[2 * at],
        y1: starts[2 * at + 1],
        x2: locations[2 * at],
        y2: locations[2 * at + 1],
      });
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
      const mark = draw(
        "g",
        { class: "wt-sample", "data-part": "samples", fill: this.page.colour(head) },
        this.shape(level, radius),
        draw(
          "title",
          {},
          `head ${head}, level ${level}, point ${point}: weight ${weight.toFixed(3)}`,
        ),
      );
      const sample = {
        ...this.samples[at],
        mark,
        head,
        level,
        point,
        x: locations[2 * at],
        y: locations[2 * at + 1],
      };
      this.samples[at] = sample;
      this.put(sample, sample.x, sample.y);
      this.listen(sample);
      return mark;
    });
  }

  shape(level, radius) {
    const corners = markerOutline(this.page.mark(level), 0, 0, radius);
    return corners
      ? draw("polygon", { points: corners.map((pair) => pair.join(",")).join(" ") })
      : draw("circle", { r: radius });
  }

  reference() {
    const { references, reference_box: box } = this.data;
    const reach = 2.4 * this.unit;
    const cross = `M${references[0] - reach} ${references[1]} h${2 * reach} M${references[0]} ${references[1] - reach} v${2 * reach}`;
    const parts = [
      draw("path", { d: cross, class: "wt-cross-halo" }),
      draw("path", { d: cross, class: "wt-cross", "data-part": "reference" }),
    ];
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

  /** Where a pointer is, in pixels of the picture. */
  place(event) {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(
      this.svg.getScreenCTM().inverse(),
    );
    return [x, y];
  }

  /** The same in shares of the padded picture. */
  share([x, y]) {
    const [scaleX, shiftX, scaleY, shiftY] = this.data.affine;
    return [(x - shiftX) / scaleX, (y - shiftY) / scaleY];
  }

  begin(event, sample) {
    event.preventDefault();
    const start = [event.clientX, event.clientY];
    let moved = null;
    const follow = (now) => {
      if (
        !this.movable ||
        (!moved && Math.hypot(now.clientX - start[0], now.clientY - start[1]) < 4)
      )
        return;
      moved = this.place(now);
      this.put(sample, ...moved);
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
      for (const node of [sample.mark, sample.line]) {
        node.classList.toggle("wt-lit", lit);
        node.classList.toggle("wt-away", away);
      }
      sample.mark.classList.toggle(
        "wt-chosen",
        sample.head === chosen.head &&
          sample.level === chosen.level &&
          sample.point === chosen.point,
      );
    }
  }
}
