// Pointer and keys over the pictures of all heads: the same query is asked on all of them.
import { applyInverse } from "../kit/frames.js";
import { Tiled, panelAt } from "../kit/tiled.js";
import { DENSE } from "./canvas.js";
import { neighbourQuery, queryAt } from "./queries.js";

export class DenseExplorer extends Tiled {
  constructor(page) {
    super(DENSE, page);
  }

  /** A query stays where it means the same. */
  carried(layer) {
    const view = super.carried(layer);
    const { side, queries } = this.layer.header;
    const same = side === layer.header.side && queries === layer.header.queries;
    return same ? view : { ...view, query: layer.header.start_query, pinned: false };
  }

  queryAt(stageX, stageY) {
    const panel = panelAt(this.stage.scene.panels, stageX, stageY);
    return queryAt(this.layer, ...applyInverse(panel.toStage, stageX, stageY));
  }

  moveQuery(stepX, stepY) {
    this.goTo(neighbourQuery(this.layer, this.query, stepX, stepY));
  }
}
