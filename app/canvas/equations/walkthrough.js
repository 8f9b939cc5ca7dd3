// The whole page: which lesson, step and sample are chosen.
import { element, focusedIn } from "../kit/elements.js";
import { say } from "../kit/words.js";
import { isDrawnTruly } from "./badge.js";
import { Detail } from "./detail.js";
import { Diagram } from "./diagram.js";
import { loadFont } from "./font.js";
import { headOf } from "./head.js";
import { Indices } from "./indices.js";
import { Lights } from "./lights.js";
import { Parts } from "./parts.js";
import { Picture } from "./picture.js";

const REPORT_MS = 250;
const DRAG_MS = 200;
const SCOPES = ["all", "head", "sample", "pixels"];

export class Walkthrough {
  /** @param {(name: string, value: any) => void} tell what Python is to hear */
  constructor(tell) {
    this.hear = tell;
    this.diagram = new Diagram((name) => this.choose(name));
    this.head = element("header", { class: "wt-head" });
    this.detail = new Detail();
    this.pictures = element("div", { class: "wt-pictures" });
    this.scope = "all";
    /** @type {Picture[]} */
    this.views = [];
    this.dragging = false;
    this.buttons = new Map(); // of the scopes
    this.scopes = element(
      "div",
      { class: "wt-scopes", role: "group", "aria-label": say("canvas.equations.scope") },
      ...SCOPES.map((scope) => {
        const button = element("button", { type: "button", "data-scope": scope });
        button.addEventListener("click", () => this.look(scope));
        this.buttons.set(scope, button);
        return button;
      }),
    );
    this.answers = element("div", { class: "wt-answers" });
    this.parts = new Parts(this, ["what_if", "costs"]);
    this.indices = new Indices(this);
    this.before = element("div", { class: "wt-before" }); // as it was, where something is changed
    const sights = [this.scopes, this.pictures, this.indices.root, this.answers];
    const side = element(
      "aside",
      { class: "wt-side" },
      element("div", { class: "wt-sights" }, ...sights),
      ...this.parts.places,
      this.before,
    );
    this.root = element(
      "section",
      { class: "wt", tabindex: "-1" },
      this.head,
      element("div", { class: "wt-columns" }, this.diagram.root, this.detail.root, side),
    );
    this.lights = new Lights(this);
    this.root.addEventListener("click", (event) => this.follow(event.target));
    this.root.addEventListener("keydown", (event) => this.press(event));
  }

  /** Called on every rerun. */
  update(data) {
    this.data = data;
    this.palette = data.palette;
    loadFont(data.font);
    const said = JSON.stringify(data.lesson);
    const fresh = data.view_id !== this.viewId;
    if (said === this.said && !fresh) return;
    this.said = said;
    this.viewId = data.view_id;
    this.lesson = data.lesson;
    const [head, level, point] = data.lesson.sample;
    this.sample = { head, level, point };
    const known = (name) => data.lesson.steps.some((step) => step.name === name);
    const wanted = fresh && known(data.step) ? data.step : this.step;
    const [first] = [...data.lesson.steps.filter((step) => !step.given), ...data.lesson.steps];
    this.step = [wanted, data.lesson.opens].find(known) ?? first.name;
    const focused = focusedIn(this.root);
    const keepsFocus =
      focused && this.root.contains(focused) && !focused.closest("input, button:not(.wt-chip)");
    const picked = focused?.closest(".wt-svg")
      ? this.views.findIndex((view) => view.svg.isSameNode(focused))
      : -1;
    this.head.replaceChildren(...headOf(this.lesson));
    this.diagram.update(this.lesson);
    this.root.classList.toggle("wt-editable", Boolean(this.lesson.what_if));
    this.showAnswers();
    if (this.dragging && isDrawnTruly(this.lesson)) this.views[0].answer(this.lesson.pictures[0]);
    else this.drawPictures();
    this.parts.show("what_if", data.lesson.what_if && data.lesson);
    this.parts.show("costs", data.lesson.costs);
    this.show();
    if (picked >= 0)
      this.views.at(Math.min(picked, this.views.length - 1))?.svg.focus({ preventScroll: true });
    else if (keepsFocus) this.diagram.chips.get(this.step).focus({ preventScroll: true });
  }

  /** Whether what was there before stands below the sliders, so that the changed picture stays as it is. */
  get isEdited() {
    return Boolean(this.lesson.what_if) && this.lesson.pictures.length > 1;
  }

  showAnswers() {
    const answers = this.lesson.answers.map(({ title, lines }) =>
      element(
        "div",
        { class: "wt-answer" },
        element("strong", {}, title),
        ...lines.map((line) => element("p", {}, line)),
      ),
    );
    const [own, ...others] = answers;
    this.answers.replaceChildren(...(this.isEdited ? [own] : answers));
    this.answerBefore = this.isEdited ? others : [];
    if (this.lesson.note) this.answers.append(element("p", { class: "wt-note" }, this.lesson.note));
  }

  drawPictures() {
    const { what_if: change } = this.lesson;
    const pictures = isDrawnTruly(this.lesson) ? this.lesson.pictures : [];
    for (const view of this.views) view.close();
    this.views = pictures.map(
      (picture, at) => new Picture(this, picture, Boolean(change) && at === 0),
    );
    this.scopes.hidden = !this.views.length;
    this.buttons.get("pixels").hidden = !pictures.some(({ corners }) => corners.length);
    this.root.classList.toggle("wt-compare", this.lesson.compare);
    this.root.classList.toggle("wt-alone", !this.views.length && !this.lesson.costs);
    const roots = this.views.map((view) => view.root);
    this.pictures.replaceChildren(...(this.isEdited ? roots.slice(0, 1) : roots));
    this.before.replaceChildren(
      ...(this.isEdited ? [...roots.slice(1), ...this.answerBefore] : []),
    );
    if (this.views.length)
      this.pictures.append(element("p", { class: "wt-legend" }, this.lesson.legend ?? ""));
  }

  get current() {
    return this.lesson.steps.find((step) => step.name === this.step);
  }

  /** Make a step the chosen one. */
  choose(name) {
    this.step = name;
    this.show();
    this.report();
  }

  show() {
    const step = this.current;
    this.diagram.show(step.name);
    this.detail.show(step, this.lesson);
    this.light({});
  }

  /** See lights.js. */
  light(what) {
    this.lights.light(what);
  }

  /** All samples, one head's, one of them, or the four pixels it reads. */
  look(scope) {
    this.scope = scope;
    for (const view of this.views) view.draw();
    this.light({});
  }

  /** Let another query be followed. */
  ask(query) {
    this.tell("query", { query });
  }

  /** Make a sample the chosen one. */
  take({ head, level, point }) {
    this.sample = { head, level, point };
    this.light({ sample: this.sample });
    this.report();
  }

  /** A sample is on its way: the model's answer follows, the picture stays under the pointer. */
  drag(sample, x, y) {
    this.dragging = true;
    if (performance.now() - (this.told ?? 0) < DRAG_MS) return;
    this.told = performance.now();
    this.send(sample, x, y);
  }

  move(sample, x, y) {
    this.dragging = false;
    this.said = null; // even where the last answer is the final one
    this.send(sample, x, y);
    this.update(this.data);
  }

  send({ head, level, point }, x, y) {
    this.tell("moved", { sample: [head, level, point], place: [x, y] });
  }

  report() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell("at", { step: this.step, ...this.sample }), REPORT_MS);
  }

  /** Tell Python; it hears only what differs from the last time, so a wish that comes again is another one. */
  tell(name, value) {
    this.hear(name, { ...value, turn: performance.now() });
  }

  press(event) {
    if (event.target.closest?.("input")) return; // sliders keep their own keys
    if (event.key === "Enter" && this.follow(event.target)) return;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    const along = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.shiftKey && (by || along))
      this.views[0]?.nudge(this.sample, along ?? 0, event.key.startsWith("Arrow") ? (by ?? 0) : 0);
    else if (by) this.walk(by);
    else if (along) this.take(this.sampleAfter(along));
    else if ("+-".includes(event.key)) this.closer(event.key === "+" ? 1 : -1);
    else if (event.key === "c" || event.key === "n")
      this.detail.toggle(event.key === "c" ? "code" : "numbers");
    else return;
    event.preventDefault();
  }

  /** A symbol in an equation leads to its own step. */
  follow(target) {
    const name = target.closest?.(".term")?.dataset.term;
    if (!name || name === this.step) return false;
    this.choose(name);
    this.diagram.chips.get(name).focus({ preventScroll: true });
    return true;
  }

  /** One step nearer to the four pixels, or back. */
  closer(by) {
    const at = SCOPES.indexOf(this.scope) + by;
    this.look(SCOPES[Math.min(SCOPES.length - 1, Math.max(0, at))]);
  }

  walk(by) {
    const names = this.lesson.steps.map((step) => step.name);
    const at = Math.min(names.length - 1, Math.max(0, names.indexOf(this.step) + by));
    this.choose(names[at]);
    this.diagram.chips.get(names[at]).focus({ preventScroll: false });
  }

  sampleAfter(by) {
    const [heads, levels, points] = this.lesson.sizes;
    const { head, level, point } = this.sample;
    const count = heads * levels * points;
    const at = ((head * levels + level) * points + point + by + count) % count;
    return {
      head: Math.floor(at / (levels * points)),
      level: Math.floor(at / points) % levels,
      point: at % points,
    };
  }

  close() {
    clearTimeout(this.timer);
    for (const view of this.views) view.close();
  }
}
