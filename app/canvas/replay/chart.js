// Lines over training time, drawn as SVG.
import { element } from "../kit/elements.js";
import { svgNode } from "../kit/paint_svg.js";
import { say } from "../kit/words.js";
import { iterationAt, softLog } from "./soft_log.js";

const HEIGHT = 160;
const MARGIN = { left: 46, right: 14, top: 10, bottom: 24 };

function niceTicks(low, high) {
  const raw = (high - low) / 3 || 1;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((each) => each >= raw);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + 1e-9; tick += step)
    ticks.push(Number(tick.toPrecision(6)));
  return ticks;
}

export class Chart {
  /** `onHover(iteration, event)` is called while the pointer moves over the chart. */
  constructor(onHover) {
    this.onHover = onHover;
    this.svg = svgNode("svg", { class: "dr-chart", role: "img" });
    this.root = element("div", { class: "dr-chart-box" }, this.svg);
    this.svg.addEventListener("pointermove", (event) => this.hover(event));
    this.svg.addEventListener("pointerdown", (event) => this.hover(event));
    this.scale = null; // of the axes, once something is drawn
    this.content = null;
    this.cursor = null;
    this.now = 0;
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.root);
  }

  hover(event) {
    if (!this.scale) return;
    const share =
      (event.clientX - this.svg.getBoundingClientRect().left - MARGIN.left) / this.scale.width;
    const at =
      this.scale.first + Math.min(1, Math.max(0, share)) * (this.scale.last - this.scale.first);
    this.onHover(iterationAt(at), event);
  }

  /** lines [{ name, colour, points, dashed }], label for a reader without sight, now = iteration. */
  show(lines, label, now) {
    this.content = { lines, label };
    this.now = now;
    this.draw();
  }

  draw() {
    const width = this.root.clientWidth;
    if (!width || !this.content) return;
    const { lines, label } = this.content;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.setAttribute("height", String(HEIGHT));
    this.svg.setAttribute("aria-label", label);
    const points = lines.flatMap((line) => line.points).filter(([, value]) => value !== null);
    if (!points.length) {
      this.svg.replaceChildren(
        svgNode("text", { x: 12, y: 30, class: "dr-none" }, say("canvas.replay.chart.nothing")),
      );
      this.scale = null;
      return;
    }
    this.measure(points, width);
    this.svg.replaceChildren(
      ...this.axes(points, width),
      ...lines.flatMap((line) => this.line(line)),
    );
    this.moveCursor();
  }

  measure(points, width) {
    const iterations = points.map(([at]) => softLog(at));
    const values = points.map(([, value]) => value);
    let [low, high] = [Math.min(...values), Math.max(...values)];
    if (low >= 0 && low < 0.4 * high) low = 0;
    if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
    this.scale = {
      width: width - MARGIN.left - MARGIN.right,
      height: HEIGHT - MARGIN.top - MARGIN.bottom,
      first: Math.min(...iterations),
      last: Math.max(...iterations) || 1,
      low,
      high,
    };
    if (this.scale.last === this.scale.first) this.scale.last += 1;
  }

  x(iteration) {
    const { first, last, width } = this.scale;
    return MARGIN.left + ((softLog(iteration) - first) / (last - first)) * width;
  }

  y(value) {
    const { low, high, height } = this.scale;
    return MARGIN.top + (1 - (value - low) / (high - low)) * height;
  }

  axes(points, width) {
    const marks = niceTicks(this.scale.low, this.scale.high).flatMap((tick) => [
      svgNode("line", {
        x1: MARGIN.left,
        x2: width - MARGIN.right,
        y1: this.y(tick),
        y2: this.y(tick),
        class: "dr-grid",
      }),
      svgNode(
        "text",
        { x: MARGIN.left - 6, y: this.y(tick) + 4, class: "dr-tick dr-tick-y" },
        String(tick),
      ),
    ]);
    const most = Math.max(...points.map(([at]) => at));
    let free = -Infinity;
    for (const tick of [0, 10, 30, 100, 300, 1000, 3000, 10000, 30000, 100000]) {
      if (tick > most || this.x(tick) - free < 34) continue;
      free = this.x(tick);
      marks.push(
        svgNode(
          "text",
          { x: free, y: HEIGHT - 8, class: "dr-tick dr-tick-x" },
          tick.toLocaleString("en"),
        ),
      );
    }
    return marks;
  }

  line({ colour, points, dashed }) {
    const pieces = [[]];
    for (const [iteration, value] of points) {
      if (value === null) pieces.push([]);
      else
        pieces[pieces.length - 1].push(
          `${this.x(iteration).toFixed(1)},${this.y(value).toFixed(1)}`,
        );
    }
    return pieces
      .filter((piece) => piece.length)
      .map((piece) => {
        const drawn = svgNode("polyline", { points: piece.join(" "), class: "dr-line" });
        if (colour) drawn.style.stroke = colour;
        if (dashed) drawn.setAttribute("stroke-dasharray", "5 4");
        return drawn;
      });
  }

  moveTo(iteration) {
    this.now = iteration;
    this.moveCursor();
  }

  moveCursor() {
    if (!this.scale) return;
    if (!this.cursor?.isConnected) {
      this.cursor = svgNode("line", {
        class: "dr-cursor",
        y1: MARGIN.top,
        y2: HEIGHT - MARGIN.bottom,
      });
      this.svg.append(this.cursor);
    }
    const x = Math.min(Math.max(this.x(this.now), MARGIN.left), MARGIN.left + this.scale.width);
    this.cursor.setAttribute("x1", String(x));
    this.cursor.setAttribute("x2", String(x));
  }

  close() {
    this.observer.disconnect();
  }
}
