// The state of one deformed grid and everything that can be done to it.
import { cellName, cellUnder, neighbourCell, queryOfCell } from "../kit/cells.js";
import { applyInverse } from "../kit/frames.js";
import { Steered } from "../kit/steered.js";
import { countTo, readView } from "../kit/view.js";
import { say } from "../kit/words.js";
import { GRID } from "./canvas.js";
import { panelAt } from "./panels.js";
import { GRID_VIEW } from "./view.js";

const PLAY_MS = 1400;
const POINTER_REACH = 20;

export class GridExplorer extends Steered {
  constructor(page) {
    super(GRID, page);
    this.playing = null;
  }

  /** Show a layer; `view` replaces the present one, otherwise that is carried over where it fits. */
  show(layer, picture, view = null, source = "") {
    const before = this.layer;
    Object.assign(this, { layer, picture, source });
    this.hover = this.focus = null;
    this.view = view ?? this.carried(before, layer);
    this.reshape();
    this.changed(false);
    this.reportDrawn();
  }

  carried(before, layer) {
    const view = readView(this.view, layer, GRID_VIEW).view;
    const fits = ["heads", "groups", "query_hw"].every(
      (name) => String(before.header[name]) === String(layer.header[name]),
    );
    if (!fits) {
      const { query, heads } = GRID_VIEW.usual(layer);
      Object.assign(view, { query, heads, pinned: false });
    }
    return view;
  }

  setView(patch, { quietly = false } = {}) {
    if (!this.layer) return;
    const alike = patch.split && !this.view.split && this.view.slide === 0; // two regular grids
    this.view = { ...this.view, ...patch, ...(alike ? { slide: 1 } : {}) };
    if ("padding" in patch || "split" in patch) this.reshape();
    this.changed(!quietly, "slide" in patch ? ["marks"] : undefined);
  }

  // -- pointing ------------------------------------------------------------------------------

  queryAt(stageX, stageY) {
    const { toStage } = panelAt(this.stage.scene.panels, stageX, stageY);
    const [x, y] = applyInverse(toStage, stageX, stageY);
    const { row, column } = cellUnder(this.layer, 0, x, y);
    return queryOfCell(this.layer, 0, row, column);
  }

  knotNear(stageX, stageY, reach) {
    let [best, least] = [null, reach];
    for (const knot of this.stage.scene.placed) {
      const distance = Math.hypot(knot.stageX - stageX, knot.stageY - stageY) - knot.radius;
      if (distance < least) [best, least] = [knot, distance];
    }
    return best;
  }

  hoverAt(stageX, stageY, cause) {
    if (!this.stage.scene) return;
    this.stage.counters.moves++;
    if (this.view.pinned || this.view.importance) {
      this.focus = this.knotNear(stageX, stageY, POINTER_REACH) ?? this.focus;
    } else {
      const query = this.queryAt(stageX, stageY);
      if (query !== this.hover) this.focus = null;
      this.hover = query;
    }
    this.stage.refresh(this.view.surface ? ["field", "marks"] : ["marks"], cause);
  }

  leave() {
    this.hover = null;
    this.stage.refresh(["field", "marks"]);
  }

  /** A click or tap reads the knot under it, or pins the query of the cell. */
  chooseAt(stageX, stageY) {
    if (!this.stage.scene) return;
    const knot = this.view.pinned ? this.knotNear(stageX, stageY, 2) : null;
    if (knot && this.view.pinned && knot.weight > 0.02) {
      this.setFocus(knot);
      return;
    }
    const query = this.queryAt(stageX, stageY);
    if (this.view.pinned && query === this.view.query) this.setView({ pinned: false });
    else this.pin(query);
  }

  pin(query) {
    this.focus = null;
    this.setView({ query, pinned: true, importance: false });
    this.announce(say("canvas.kit.pinned", { query: cellName(this.layer, query) }));
  }

  setFocus(knot) {
    this.focus = knot && { head: knot.head, knot: knot.knot };
    this.stage.refresh(["marks"]);
  }

  // -- keys and controls ---------------------------------------------------------------------

  moveQuery(stepX, stepY) {
    const query = neighbourCell(this.layer, this.query, stepX, stepY);
    this.hover = this.focus = null;
    this.setView({ query });
    this.announce(cellName(this.layer, query));
  }

  /** Step through the shown knots, heaviest first. */
  stepPoint(step) {
    const knots = this.stage.scene?.knots ?? [];
    if (!knots.length) return;
    const at = knots.findIndex(
      ({ head, knot }) => this.focus?.head === head && this.focus.knot === knot,
    );
    const next = knots[(at + step + knots.length) % knots.length];
    this.setFocus(next);
    this.announce(say("canvas.grid.knot.spoken", { ...next, weight: next.weight.toFixed(3) }));
  }

  toggle(kind, index, alone = false) {
    if (index >= this.layer.header.heads) return;
    const { heads } = this.view;
    let next = heads.includes(index)
      ? heads.filter((head) => head !== index)
      : [...heads, index].sort((a, b) => a - b);
    if (alone) next = heads.length === 1 && heads[0] === index ? this.allHeads() : [index];
    this.showHeads(next);
  }

  allHeads() {
    return countTo(this.layer.header.heads);
  }

  showHeads(heads) {
    this.focus = null;
    this.setView({ heads });
    this.announce(
      say(`canvas.grid.heads.${heads.length ? "shown" : "none"}`, { shown: heads.join(", ") }),
    );
  }

  /** The heads of one group, whose grid they share; after the last group all of them. */
  nextGroup() {
    const { groups } = this.layer.header;
    const shown = [...new Set(this.view.heads.map((head) => this.layer.groupOf(head)))];
    const next = shown.length === 1 ? shown[0] + 1 : 0;
    this.showHeads(next < groups ? this.layer.headsOf(next) : this.allHeads());
  }

  /** Move the grid; told to Python only when the hand has left the slider. */
  slide(share, { done = false } = {}) {
    cancelAnimationFrame(this.playing);
    this.playing = null;
    this.setView({ slide: share }, { quietly: !done });
  }

  /** From the undeformed grid to the deformed one, or back. */
  play() {
    const [from, to] = this.view.slide > 0.5 ? [this.view.slide, 0] : [this.view.slide, 1];
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.slide(to, { done: true });
      return;
    }
    let started = null;
    const step = (now) => {
      started ??= now;
      const part = Math.min(1, (now - started) / PLAY_MS);
      const eased = part * part * (3 - 2 * part);
      this.setView({ slide: from + (to - from) * eased }, { quietly: part < 1 });
      this.playing = part < 1 ? requestAnimationFrame(step) : null;
    };
    cancelAnimationFrame(this.playing);
    this.playing = requestAnimationFrame(step);
  }

  reset() {
    super.reset();
    this.announce(say("canvas.grid.reset"));
  }

  close() {
    super.close();
    cancelAnimationFrame(this.playing);
  }
}
