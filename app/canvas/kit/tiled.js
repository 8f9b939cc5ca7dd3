// Pointer and keys over several pictures on one stage, on all of which the same query is asked.
// `queryAt(stageX, stageY)` and `moveQuery(stepX, stepY)` come from the explorers built on it.
import { Steered } from "./steered.js";
import { readView } from "./view.js";

/** The panel under a place of the stage; the nearest one from outside. */
export function panelAt(panels, stageX, stageY) {
  const away = ({ left, top, panelWidth, panelHeight }) =>
    Math.hypot(
      stageX - Math.min(left + panelWidth, Math.max(left, stageX)),
      stageY - Math.min(top + panelHeight, Math.max(top, stageY)),
    );
  return panels.reduce((best, panel) => (away(panel) < away(best) ? panel : best));
}

export class Tiled extends Steered {
  show(layer, picture, view = null, source = "") {
    const kept = this.layer ? this.carried(layer) : null;
    Object.assign(this, { layer, picture, source, hover: null, view: view ?? kept });
    this.reshape();
    this.changed(false);
    this.reportDrawn();
  }

  /** The view on another layer. */
  carried(layer) {
    return readView(this.view, layer, this.codec).view;
  }

  /** The query that a place of the stage means. */
  queryAt(stageX, stageY) {
    throw new Error(`No query is known at ${stageX}, ${stageY}.`);
  }

  hoverAt(stageX, stageY, cause) {
    if (!this.stage.scene || this.view.pinned) return;
    this.stage.counters.moves++;
    this.hover = this.queryAt(stageX, stageY);
    this.stage.refresh(["marks"], cause);
  }

  leave() {
    this.hover = null;
    this.stage.refresh(["marks"]);
  }

  chooseAt(stageX, stageY) {
    if (!this.stage.scene) return;
    const query = this.queryAt(stageX, stageY);
    if (this.view.pinned && query === this.view.query) this.setView({ pinned: false });
    else this.pin(query);
  }

  /** Go to another query, and say so. */
  goTo(query) {
    this.hover = null;
    this.setView({ query });
    this.announce(this.canvas.queryName(this.layer, query));
  }
}
