// Pointer and keys over five pictures: the same cell is asked on all of them.
import { cellName, cellUnder, neighbourCell, queryOfCell } from "../kit/cells.js";
import { applyInverse } from "../kit/frames.js";
import { Steered } from "../kit/steered.js";
import { readView } from "../kit/view.js";
import { KEYS } from "./canvas.js";

export class KeysExplorer extends Steered {
  constructor(page) {
    super(KEYS, page);
  }

  show(layer, picture, view = null, source = "") {
    const kept = this.layer ? readView(this.view, layer, this.codec).view : null;
    Object.assign(this, { layer, picture, source, hover: null, view: view ?? kept });
    this.reshape();
    this.changed(false);
    this.reportDrawn();
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
    const [x, y] = applyInverse(panel.toStage, stageX, stageY);
    const { row, column } = cellUnder(this.layer, 0, x, y);
    return queryOfCell(this.layer, 0, row, column);
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
    const query = neighbourCell(this.layer, this.query, stepX, stepY);
    this.hover = null;
    this.setView({ query });
    this.announce(cellName(this.layer, query));
  }
}
