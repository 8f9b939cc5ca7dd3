// Pointer and keys over five pictures: the same cell is asked on all of them.
import { cellUnder, neighbourCell, queryOfCell } from "../kit/cells.js";
import { applyInverse } from "../kit/frames.js";
import { Tiled, panelAt } from "../kit/tiled.js";
import { KEYS } from "./canvas.js";

export class KeysExplorer extends Tiled {
  constructor(page) {
    super(KEYS, page);
  }

  queryAt(stageX, stageY) {
    const panel = panelAt(this.stage.scene.panels, stageX, stageY);
    const [x, y] = applyInverse(panel.toStage, stageX, stageY);
    const { row, column } = cellUnder(this.layer, 0, x, y);
    return queryOfCell(this.layer, 0, row, column);
  }

  /** Leave a second query where this one stands, or take it away. */
  leaveOther() {
    this.setView({ other: this.view.other === null ? this.query : null });
  }

  moveQuery(stepX, stepY) {
    this.goTo(neighbourCell(this.layer, this.query, stepX, stepY));
  }
}
