// What if a decoder layer had read elsewhere: points dragged on its picture, heads and levels dropped;
// the decoder goes on from there, and what it says is compared with what it said.
import { button, element, setPressed, setText } from "../kit/elements.js";
import { applyInverse } from "../kit/frames.js";
import { say } from "../kit/words.js";
import { detections } from "./answers.js";
import { atRest, isAtRest, withMoved, withToggled } from "./edit.js";

const REACH = 14; // px beyond a marker's edge
const STEP = 0.02; // of a key press, a share of the picture
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class WhatIf {
  /** @param {(edit: import("./edit.js").Edit) => void} tell hears of every change */
  constructor(tell) {
    this.tell = tell;
    this.explorer = null;
    this.layer = null; // of the model's facts, where the decoder can go on from it
    this.edit = null;
    this.held = null; // a sample in somebody's hand
    this.drags = button(say("live.what_if.drag"), say("live.what_if.drag"), () =>
      this.setDragging(!this.isDragging),
    );
    this.groups = { heads: this.group("heads"), levels: this.group("levels") };
    this.back = button(say("live.what_if.back"), say("live.what_if.back"), () =>
      this.change(atRest(this.edit.layer, this.edit.query)),
    );
    this.said = element("p", { class: "lv-said", role: "status" });
    this.root = element(
      "details",
      { class: "lv-what-if", hidden: true },
      element("summary", {}, say("live.what_if.title")),
      element("p", { class: "dv-quiet" }, say("live.what_if.how")),
      element("div", { class: "dv-toolbar" }, this.drags, this.back),
      ...Object.values(this.groups),
      this.said,
    );
    this.setDragging(false);
  }

  group(kind) {
    return element("div", {
      class: "dv-group",
      role: "group",
      "aria-label": say(`live.what_if.${kind}`),
    });
  }

  setDragging(is) {
    this.isDragging = is;
    setPressed(this.drags, is);
  }

  /** Listen to the canvas on show, before it hears itself. */
  attach(explorer) {
    this.explorer = explorer;
    if (!explorer) return;
    const { root } = explorer.stage;
    const heard = { pointerdown: "take", pointermove: "drag", pointerup: "drop", keydown: "press" };
    for (const [name, act] of Object.entries(heard)) {
      root.addEventListener(
        name,
        (event) => {
          if (this[act](event)) event.stopImmediatePropagation();
        },
        { capture: true },
      );
    }
  }

  /**
   * Show what can be changed of a layer, and what an edit made of the answer.
   * @param {any} layer of the model's facts; null where nothing can be changed
   * @param {import("./edit.js").Edit | null} edit
   * @param {{ facts: any, before: any, after: any, hw: number[] }} told outputs without and with it
   */
  show(layer, edit, told) {
    this.layer = layer;
    this.edit = edit;
    this.root.hidden = !layer;
    if (!layer) return;
    this.heads = told.before[`${layer.name}/attention_weights`].shape[1];
    const now = edit ?? atRest(layer.name, 0);
    this.toggles("heads", this.heads, now.heads);
    this.toggles("levels", layer.levels.length, now.levels);
    this.back.disabled = isAtRest(now);
    setText(this.said, edit && !isAtRest(edit) ? this.compare(edit, told) : "");
  }

  toggles(kind, count, dropped) {
    const group = this.groups[kind];
    if (group.children.length !== count + 1) {
      const one = (index) =>
        button(String(index), say(`live.what_if.${kind}.drop`, { index }), () =>
          this.change(withToggled(this.present(), kind, index)),
        );
      group.replaceChildren(
        element("span", {}, say(`live.what_if.${kind}`)),
        ...Array.from({ length: count }, (_, index) => one(index)),
      );
    }
    [...group.querySelectorAll("button")].forEach((node, index) =>
      setPressed(node, dropped.includes(index)),
    );
  }

  /** The edit of the query on show; that of another query begins anew. */
  present() {
    const { query } = this.explorer;
    const { edit, layer } = this;
    return edit?.layer === layer.name && edit.query === query ? edit : atRest(layer.name, query);
  }

  change(edit) {
    this.edit = edit;
    this.tell(edit);
  }

  compare({ query }, { facts, before, after, hw }) {
    const of = (outputs) => {
      const found = detections(facts, outputs, hw);
      const at = found.queries.indexOf(query);
      if (at < 0) return { words: say("live.what_if.nothing"), box: null };
      const name = found.classNames[found.labels[at]] ?? `class ${found.labels[at]}`;
      return {
        words: `${name} ${(100 * found.scores[at]).toFixed(1)} %`,
        box: found.boxes.slice(4 * at, 4 * at + 4),
      };
    };
    const [was, is] = [of(before), of(after)];
    const moved =
      was.box && is.box ? Math.max(...was.box.map((edge, at) => Math.abs(edge - is.box[at]))) : NaN;
    return say("live.what_if.compared", {
      query,
      was: was.words,
      is: is.words,
      moved: Number.isFinite(moved) ? moved.toFixed(1) : "–",
    });
  }

  // -- points under hand and keys ------------------------------------------------------------

  get isReady() {
    return this.isDragging && this.layer && this.explorer?.stage.scene;
  }

  take(event) {
    if (!this.isReady || event.button) return false;
    const [x, y] = this.explorer.stage.position(event);
    const sample = this.explorer.sampleNear(x, y, REACH);
    if (!sample) return false;
    const { query } = this.explorer;
    this.explorer.setView({ query, pinned: true });
    this.explorer.setFocus(sample);
    this.explorer.stage.root.setPointerCapture(event.pointerId);
    this.held = sample;
    return true;
  }

  drag(event) {
    if (!this.held) return false;
    const { stage } = this.explorer;
    const [x, y] = stage.position(event);
    const place = applyInverse(stage.scene.toStage, x, y);
    this.change(withMoved(this.present(), this.held, place));
    return true;
  }

  drop() {
    const held = Boolean(this.held);
    this.held = null;
    return held;
  }

  press(event) {
    const [x, y] = ARROWS[event.key] ?? [];
    const { focus } = this.explorer;
    if (x === undefined || !event.altKey || !this.isReady || !focus) return false;
    event.preventDefault();
    const { head, level, point } = focus;
    const at = this.explorer.layer.sample(this.explorer.query, head, level, point);
    this.change(withMoved(this.present(), focus, [at.x + x * STEP, at.y + y * STEP]));
    return true;
  }
}
