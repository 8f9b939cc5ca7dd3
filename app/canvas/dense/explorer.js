// Pointer and keys over the pictures of all heads: the same query is asked on all of them.
import { applyInverse } from "../kit/frames.js";
import { Steered } from "../kit/steered.js";
import { readView } from "../kit/view.js";
import { DENSE } from "./canvas.js";
import { neighbourQuery, queryAt, queryName } from "./queries.js";

export class DenseExplorer extends Steered {
  constructor(page) {
    super(DENSE, page);
  }

  show(layer, picture, view = null, source = "") {
    const kept = this.layer ? this.carried(layer) : null;
    Object.assign(this, { layer, picture, source, hover: null, view: view ?? kept });
    this.reshape();
    this.changed(false);
    this.reportDrawn();
  }

  /** The view on another layer; a query stays where it means the same. */
  carried(layer) {
    const { view } = readView(this.view, layer, this.codec);
    const { side, queries } = this.layer.header;
    const same = side === layer.header.side && queries === layer.header.queries;
    return same ? view : { ...view, query: layer.header.start_query, pinned: false };
  }

  queryAt(stageX, stageY) {
    const away = ({ left, top, panelWidth, panelHeight }) =>
      Math.hypot(
        stageX - Math.min(left + panelWidth, Math.max(left, stageX)),
        stageY - Math.min(top + panelHeight, Math.max(top, stageY)),
      );
    const panel = this.stage.scene.panels.reduce((best, one) =>
      away(one) < away(best) ? one : best,
    );
    return queryAt(this.layer, ...applyInverse(panel.toStage, stageX, stageY));
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

  moveQuery(stepX, stepY) {
    const query = neighbourQuery(this.layer, this.query, stepX, stepY);
    this.hover = null;
    this.setView({ query });
    this.announce(queryName(this.layer, query));
  }
}
