// What every picture that answers the pointer has in common: one query on show, a view that can be
// changed, words for a screen reader, and reports to Python. `pin(query)` and what the pointer does
// come from the explorers built on it.
import { pictureState } from "./state.js";
import { Stage } from "./stage.js";
import { viewParameters } from "./view.js";
import { say } from "./words.js";

const REPORT_AFTER_MS = 250;

export class Steered extends EventTarget {
  /**
   * @param {import("./canvas.js").Canvas} canvas the record of this kind of picture
   * @param {{ palette: any, send: (view: any) => void, step?: (by: number) => void }} page `send`
   *   hands the view to Python, `step` asks for another layer
   */
  constructor(canvas, { send, step, palette }) {
    super();
    this.canvas = canvas;
    this.codec = canvas.view;
    this.send = send;
    this.step = step;
    this.palette = palette;
    this.layer = null;
    this.picture = null;
    this.view = null;
    this.source = "";
    this.viewId = ""; // of the link that the view began with, as Python names it
    this.hover = null; // query under the pointer while none is pinned
    this.focus = null; // what the readout is about
    this.place = null; // looked at, before a click keeps it
    this.compared = null; // the layer and query of the first picture, on the second of a pair
    this.lastSent = null;
    this.reportTimer = null;
    this.stage = new Stage(
      canvas.drawing,
      () => (this.layer ? this.state() : null),
      (scene) => this.tell("drawn", scene),
      canvas.description,
    );
    this.watch = new ResizeObserver(() => this.reshape());
    this.watch.observe(this.stage.root);
  }

  /** What the drawing needs to know. */
  state() {
    const { layer, picture, view, query, focus, palette, compared } = this;
    return pictureState({ layer, picture, view, query, focus, palette, compared });
  }

  tell(name, detail = undefined) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Hear what is told; `handle` gets its detail. */
  on(name, handle) {
    this.addEventListener(name, (event) => handle(/** @type {CustomEvent} */ (event).detail));
  }

  /** The query on show: the pinned one, else the one under the pointer, else the last pinned. */
  get query() {
    return this.view.pinned ? this.view.query : (this.hover ?? this.view.query);
  }

  /** The view as a link or a file takes it along. */
  get keptView() {
    return this.view;
  }

  /** The stage has the shape of what it shows. */
  reshape() {
    if (this.layer) this.stage.reshape(this.layer, this.view);
  }

  /** Change the view and draw; Python hears of it unless `quietly`. */
  setView(patch, { quietly = false } = {}) {
    if (!this.layer) return;
    this.view = { ...this.view, ...patch };
    this.changed(!quietly);
  }

  changed(report, surfaces = undefined) {
    this.stage.refresh(surfaces);
    this.tell("changed");
    if (report) this.reportSoon();
  }

  reportSoon() {
    clearTimeout(this.reportTimer);
    this.stage.counters.reporting = true;
    this.reportTimer = setTimeout(() => this.report(), REPORT_AFTER_MS);
  }

  /** Once what was shown is drawn: two frames later. */
  reportDrawn() {
    this.stage.counters.reporting = true;
    requestAnimationFrame(() => requestAnimationFrame(() => this.report()));
  }

  /** Hand the view to Python, with what an address needs to restore it; equal ones only once. */
  report() {
    this.stage.counters.reporting = false;
    const params = viewParameters(this.keptView, this.layer, this.codec);
    const { source, viewId: view_id } = this;
    const view = { ...this.keptView, layer: this.layer.header.layer, source, view_id, params };
    const text = JSON.stringify(view);
    if (text === this.lastSent) return;
    this.lastSent = text;
    this.send(view);
  }

  togglePin() {
    if (this.view.pinned) {
      this.setView({ pinned: false });
      this.announce(say("canvas.kit.released"));
    } else this.pin(this.query);
  }

  /** Hold a query. */
  pin(query) {
    this.setView({ query, pinned: true });
    this.announce(say("canvas.kit.pinned", { query: this.canvas.queryName(this.layer, query) }));
  }

  /** Let everything go but the query on show. */
  reset() {
    const { query } = this.view;
    this.hover = this.focus = null;
    this.setView({ ...this.codec.usual(this.layer), query });
  }

  /** A finger starts to move: the query follows it, pinned or not. */
  beginDrag() {
    this.view = { ...this.view, pinned: false };
  }

  /** Words for a screen reader; never while the pointer hovers. */
  announce(text) {
    this.tell("announce", text);
  }

  close() {
    clearTimeout(this.reportTimer);
    this.watch.disconnect();
    this.stage.close();
  }
}
