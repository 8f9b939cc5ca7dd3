// Canvases on top of each other, sharp on any screen, redrawn at most once per frame.
import { element } from "./elements.js";
import { surfaceMarks } from "./marks.js";
import { paintOnCanvas } from "./paint.js";

const KEPT_TIMES = 600;

export class Stage {
  /**
   * @param {import("./marks.js").Drawing} drawing what to draw
   * @param {() => any} readState gives layer, view, query and the like, or null while nothing is loaded
   * @param {(scene: any) => void} afterDraw
   * @param {string} description what a screen reader calls it
   */
  constructor(drawing, readState, afterDraw, description = "picture with sampling points") {
    this.drawing = drawing;
    this.readState = readState;
    this.afterDraw = afterDraw;
    this.scene = null; // what is on show
    this.surfaces = Object.keys(drawing.surfaces);
    /** @type {Record<string, HTMLCanvasElement>} */
    this.canvases = Object.fromEntries(
      this.surfaces.map((name) => [
        name,
        element("canvas", { class: `dv-canvas dv-canvas-${name}`, "aria-hidden": "true" }),
      ]),
    );
    this.root = element(
      "div",
      {
        class: "dv-stage",
        tabindex: "0",
        role: "application",
        "aria-roledescription": description,
      },
      ...Object.values(this.canvases),
    );
    this.scale = 1;
    this.scaledFor = 0; // a width
    this.stale = new Set();
    this.frame = null;
    this.causeTime = null;
    this.counters = {
      redraws: 0,
      painted: Object.fromEntries(this.surfaces.map((name) => [name, 0])),
      moves: 0,
      hoverToDrawnMs: [],
      drawMs: [],
      firstShownMs: null, // from the page's navigation to the frame after the first drawing
      reporting: false, // Python is yet to hear of a change
    };
    this.observer = new ResizeObserver(() => this.refresh());
    this.observer.observe(this.root);
  }

  /** Ask for surfaces to be drawn in the next frame; `cause` is the pointer event that led to it. */
  refresh(surfaces = this.surfaces, cause = null) {
    surfaces.forEach((surface) => this.stale.add(surface));
    this.causeTime ??= cause?.timeStamp ?? null;
    this.frame ??= requestAnimationFrame(() => this.redraw());
  }

  redraw() {
    this.frame = null;
    const state = this.readState();
    const box = this.root.getBoundingClientRect();
    if (!state || !box.width || !box.height) return;
    const scale = this.scaleAt(box.width);
    const [width, height] = [box.width / scale, box.height / scale];
    const started = performance.now();
    const scene = this.drawing.compose(state, width, height);
    for (const surface of this.stale) {
      this.prepare(this.canvases[surface], width, height);
      paintOnCanvas(
        this.canvases[surface].getContext("2d"),
        surfaceMarks(this.drawing, scene, surface),
      );
      this.counters.painted[surface]++;
    }
    this.stale.clear();
    this.scene = scene;
    this.count(started);
    this.afterDraw(scene);
  }

  /** How much larger than usual marks are, `--dv-scale` of the style; read when the size changes. */
  scaleAt(width) {
    if (width !== this.scaledFor) {
      this.scaledFor = width;
      const said = getComputedStyle(this.root).getPropertyValue("--dv-scale");
      this.scale = Number(said) || 1;
    }
    return this.scale;
  }

  prepare(canvas, width, height) {
    const ratio = (window.devicePixelRatio || 1) * this.scale;
    const [deviceWidth, deviceHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== deviceWidth || canvas.height !== deviceHeight) {
      [canvas.width, canvas.height] = [deviceWidth, deviceHeight];
    }
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, deviceWidth, deviceHeight);
    context.setTransform(deviceWidth / width, 0, 0, deviceHeight / height, 0, 0);
  }

  count(started) {
    const now = performance.now();
    if (this.counters.redraws++ === 0) {
      requestAnimationFrame(() => {
        this.counters.firstShownMs = performance.now();
      });
    }
    this.counters.drawMs.push(now - started);
    if (this.causeTime !== null) this.counters.hoverToDrawnMs.push(now - this.causeTime);
    this.causeTime = null;
    for (const times of [this.counters.drawMs, this.counters.hoverToDrawnMs]) {
      if (times.length > KEPT_TIMES) times.shift();
    }
  }

  /** Give the stage the shape of what it shows, before anything is drawn: the page does not jump. */
  reshape(layer, view) {
    const room = this.root.parentElement?.clientWidth ?? 0;
    if (room) this.setAspect(this.drawing.aspect(layer.header, view, room));
  }

  /** Width over height. */
  setAspect(aspect) {
    this.root.style.setProperty("--dv-aspect", String(aspect));
  }

  /**
   * CSS pixels inside the stage, as marks count them.
   * @returns {[number, number]}
   */
  position(event) {
    const box = this.root.getBoundingClientRect();
    return [
      (event.clientX - box.left - this.root.clientLeft) / this.scale,
      (event.clientY - box.top - this.root.clientTop) / this.scale,
    ];
  }

  close() {
    this.observer.disconnect();
    if (this.frame !== null) cancelAnimationFrame(this.frame);
  }
}
