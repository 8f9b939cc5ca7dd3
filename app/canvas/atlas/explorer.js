// Pointer and keys over the maps of heads.
import { Tiled } from "../kit/tiled.js";
import { ATLAS } from "./canvas.js";

export class AtlasExplorer extends Tiled {
  constructor(page) {
    super(ATLAS, page);
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
    this.goTo(wanted.query);
  }
}
