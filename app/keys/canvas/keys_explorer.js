// Pointer and keys over five pictures: the same cell is asked on all of them.
import {
  cellUnder,
  neighbourQuery,
  queryName,
  queryOfCell,
} from "../../explorer/canvas/queries.js";
import { applyInverse } from "../../explorer/canvas/frames.js";
import { Stage } from "../../explorer/canvas/stage.js";
import { Steered } from "../../explorer/canvas/steered.js";
import { readView, viewParameters, wholeNumber, yesOrNo } from "../../explorer/canvas/view.js";
import { KEYS_DRAWING } from "./keys_marks.js";

export const KEYS_VIEW = {
  parameters: { query: "q", pinned: "pin", dim: "dim" },
  usual: (layer) => ({ query: layer.header.start_query, pinned: false, heads: [], dim: 0.45 }),
  readers: (layer) => ({
    query: wholeNumber(layer.header.queries, "query"),
    pinned: yesOrNo,
    dim: (value) => wholeNumber(91, "dim")(Math.round(100 * Number(value))) / 100,
  }),
};

const KEYS_KEYS = [
  {
    keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"],
    show: "← → ↑ ↓",
    does: "move the query",
    stageOnly: true,
    run: (explorer, event) => {
      const [x, y] = {
        ArrowLeft: [-1, 0],
        ArrowRight: [1, 0],
        ArrowUp: [0, -1],
        ArrowDown: [0, 1],
      }[event.key];
      explorer.moveQuery(x, y);
    },
  },
  {
    keys: ["Enter"],
    show: "Enter",
    does: "pin the query, or let it follow the pointer",
    stageOnly: true,
    run: (explorer) => explorer.togglePin(),
  },
  { keys: ["?"], show: "?", does: "this help", run: (explorer) => explorer.tell("help") },
];

const KEYS_SIGNS = [
  [
    "white dot",
    "a place the query may read; which it prefers depends on weights that are not trained here",
  ],
  [
    "coloured disc",
    "a place that trained weights read; colour: the head, area: the attention weight",
  ],
  ["outlined cell", "the query, the same on every picture"],
];

export class KeysExplorer extends Steered {
  constructor(page) {
    super(page);
    Object.assign(this, { codec: KEYS_VIEW, keys: KEYS_KEYS, signs: KEYS_SIGNS });
    this.stage = new Stage(
      () => this.state(),
      (scene) => this.tell("drawn", scene),
      KEYS_DRAWING,
    );
    this.watch = new ResizeObserver(() => this.reshape());
    this.watch.observe(this.stage.root);
  }

  state() {
    if (!this.layer) return null;
    const { layer, picture, view, query, palette } = this;
    return { layer, picture, view, query, palette, font: "system-ui, sans-serif" };
  }

  show(layer, picture, view = null, source = "") {
    const kept = this.layer ? readView(this.view, layer, KEYS_VIEW).view : null;
    Object.assign(this, { layer, picture, source, hover: null, view: view ?? kept });
    this.reshape();
    this.changed(false);
    this.reportDrawn();
  }

  setView(patch) {
    if (!this.layer) return;
    this.view = { ...this.view, ...patch };
    this.changed(true);
  }

  changed(report) {
    this.stage.refresh();
    this.tell("changed");
    if (report) this.reportSoon();
  }

  reshape() {
    const room = this.stage.root.parentElement?.clientWidth ?? 0;
    if (!this.layer || !room) return;
    this.stage.root.style.setProperty(
      "--dv-aspect",
      String(KEYS_DRAWING.aspect(this.layer.header, this.view, room)),
    );
  }

  parameters() {
    return viewParameters(this.view, this.layer, KEYS_VIEW);
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
    const { row, column } = cellUnder(
      this.layer,
      0,
      ...applyInverse(panel.toStage, stageX, stageY),
    );
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

  pin(query) {
    this.setView({ query, pinned: true });
    this.announce(`Pinned: ${this.queryWords(query)}.`);
  }

  queryWords(query) {
    return queryName(this.layer, query).replace("level 0 · ", "");
  }

  moveQuery(stepX, stepY) {
    const query = neighbourQuery(this.layer, this.query, stepX, stepY, false);
    this.hover = null;
    this.setView({ query });
    this.announce(this.queryWords(query));
  }

  close() {
    super.close();
    this.watch.disconnect();
  }
}
