// Pointer and keys over the maps of heads.
import { Steered } from "../kit/steered.js";
import { readView } from "../kit/view.js";
import { ATLAS } from "./canvas.js";

export class AtlasExplorer extends Steered {
  constructor(page) {
    super(ATLAS, page);
  }

  show(layer, picture, view = null, source = "") {
    const kept = this.layer ? readView(this.view, layer, this.codec).view : null;
    Object.assign(this, { layer, picture, source, hover: null, view: view ?? kept });
    this.reshape();
    this.changed(false);
    this.reportDrawn();
  }

  /** The head whose map is nearest to a place of the stage. */
  queryAt(stageX, stageY) {
    const away = ({ left, top, side }) =>
      Math.hypot(
        stageX - Math.min(left + side, Math.max(left, stageX)),
        stageY - Math.min(top + side, Math.max(top, stageY)),
      );
    const { tiles } = this.stage.scene;
    return tiles.reduce((best, tile) => (away(tile) < away(best) ? tile : best)).query;
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

  /** To the neighbouring map; up and down go to the same column of another row. */
  moveQuery(stepX, stepY) {
    const { tiles } = this.stage.scene;
    const at = tiles.findIndex((tile) => tile.query === this.query);
    const rows = [...new Set(tiles.map((tile) => tile.top))];
    const row = rows.indexOf(tiles[at].top) + stepY;
    const wanted = stepY
      ? tiles.findLast((tile) => tile.top === rows[row] && tile.column <= tiles[at].column)
      : tiles[at + stepX];
    if (!wanted) return;
    this.hover = null;
    this.setView({ query: wanted.query });
    this.announce(this.canvas.queryName(this.layer, wanted.query));
  }
}
