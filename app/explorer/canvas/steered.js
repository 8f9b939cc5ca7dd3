// What every picture that answers the pointer has in common: one query on show, a view that can be
// changed, words for a screen reader, and reports to Python. `parameters()`, `stage` and `pin` come
// from the explorers built on it.
import { colourTable } from "./glyphs.js";

const REPORT_AFTER_MS = 250;

export class Steered extends EventTarget {
  /** `send(view)` hands the view to Python, `step(+-1)` asks for another layer. */
  constructor({ send, step, palette }) {
    super();
    Object.assign(this, { send, step, palette });
    this.table = colourTable(palette.sequential);
    this.layer = null;
    this.picture = null;
    this.view = null;
    this.hover = null; // query under the pointer while none is pinned
    this.lastSent = null;
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** The query on show: the pinned one, else the one under the pointer, else the last pinned. */
  get query() {
    return this.view.pinned ? this.view.query : (this.hover ?? this.view.query);
  }

  /** The view as a link or a file takes it along. */
  get keptView() {
    return this.view;
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
    const params = this.parameters();
    const view = { ...this.keptView, layer: this.layer.header.layer, source: this.source, params };
    const text = JSON.stringify(view);
    if (text === this.lastSent) return;
    this.lastSent = text;
    this.send(view);
  }

  togglePin() {
    if (this.view.pinned) {
      this.setView({ pinned: false });
      this.announce("Released; the query follows the pointer.");
    } else this.pin(this.query);
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
    this.stage.close();
  }
}
