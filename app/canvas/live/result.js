// What a model saw, on the canvas of the app: the layer that was chosen, with the picture it was given.
import { chooser, element, labelled, offerOptions, setText } from "../kit/elements.js";
import { Page } from "../kit/page.js";
import { known, say } from "../kit/words.js";
import { GRID } from "../grid/canvas.js";
import { SURROUNDINGS as AROUND_GRID } from "../grid/surroundings.js";
import { SAMPLING } from "../sampling/canvas.js";
import { SURROUNDINGS as AROUND_SAMPLING } from "../sampling/surroundings.js";
import { classes, detections, packed } from "./answers.js";

/** @type {Record<string, [import("../kit/canvas.js").Canvas, any]>} */
const CANVASES = { sampling: [SAMPLING, AROUND_SAMPLING], grid: [GRID, AROUND_GRID] };
const SHOWN_SCORE = 0.3;
const NAMED = 3; // classes of a classifier

const percent = (share) => `${Math.round(100 * share)} %`;

export class Result {
  /**
   * @param {any} palette
   * @param {{ chosen: (layer: string) => void, view: (parameters: any) => void,
   *   mounted: (explorer: any) => void }} tell `mounted`: of the canvas that shows sampling points
   */
  constructor(palette, tell) {
    this.palette = palette;
    this.tell = tell;
    this.layers = chooser(say("live.layer"), (layer) => this.choose(layer));
    this.found = element("p", { class: "lv-found" });
    this.room = element("div", { class: "lv-canvas" });
    this.root = element(
      "div",
      { class: "lv-result", hidden: true },
      element("div", { class: "dv-toolbar" }, labelled(say("live.layer"), this.layers), this.found),
      this.room,
    );
    this.answer = null;
    this.layer = "";
    this.view = {}; // of an address, for the first picture
    this.kind = ""; // of the canvas on show
    this.page = null;
    this.picture = { shown: null, address: "" };
    this.count = 0;
  }

  /** Show an answer: { facts, outputs, shown, title, note }. */
  async show(answer) {
    const count = ++this.count;
    if (this.picture.shown !== answer.shown) {
      const blob = await new Promise((done) => answer.shown.toBlob(done));
      if (count !== this.count) return; // a newer one is on its way
      const before = this.picture.address;
      if (before) setTimeout(() => URL.revokeObjectURL(before), 10_000);
      this.picture = { shown: answer.shown, address: URL.createObjectURL(blob) };
    }
    this.answer = answer;
    this.root.hidden = false;
    const names = answer.facts.layers.map(({ name }) => name);
    if (!names.includes(this.layer)) this.layer = names.at(-1);
    offerOptions(
      this.layers,
      names.map((name) => [name, name]),
      this.layer,
    );
    setText(this.found, this.words());
    this.draw();
  }

  /** What was found, in words. */
  words() {
    const { facts, outputs, shown } = this.answer;
    const named = (one, share) => `${one} ${percent(share)}`;
    if (facts.answer === "classes") {
      const best = classes(facts, outputs).slice(0, NAMED);
      const list = best.map((one) => named(one.class_name, one.probability)).join(", ");
      return say("live.named", { list });
    }
    const { scores, labels, classNames } = detections(facts, outputs, [shown.height, shown.width]);
    const list = scores
      .map((score, at) => ({ score, name: classNames[labels[at]] ?? `class ${labels[at]}` }))
      .filter(({ score }) => score >= SHOWN_SCORE)
      .map(({ score, name }) => named(name, score));
    return list.length ? say("live.found", { list: list.join(", ") }) : say("live.found_nothing");
  }

  choose(layer) {
    this.layer = layer;
    this.layers.value = layer;
    this.draw();
    this.tell.chosen(layer);
  }

  step(by) {
    const names = this.answer.facts.layers.map(({ name }) => name);
    const place = Math.min(names.length - 1, Math.max(0, names.indexOf(this.layer) + by));
    this.choose(names[place]);
  }

  draw() {
    const { facts, outputs, shown, title, note } = this.answer;
    const hw = [shown.height, shown.width];
    const { kind } = facts.layers.find(({ name }) => name === this.layer);
    const data = {
      trace: packed(facts, outputs, this.layer, hw),
      trace_url: `${facts.name} ${this.layer} ${this.count}`,
      picture_url: this.picture.address,
      picture_hw: hw,
      title,
      picture_alt: title,
      note,
      view: this.view,
      view_id: facts.name,
      palette: this.palette,
      words: known(),
      link: true,
    };
    if (this.kind !== kind) this.mount(kind, data);
    this.page.update(data);
  }

  mount(kind, data) {
    this.page?.close();
    this.kind = kind;
    const [canvas, surroundings] = CANVASES[kind];
    this.page = new Page(canvas, surroundings, data, (name, value) => {
      if (name === "layer") this.step(value);
      if (name === "view" && value?.params) this.tell.view(value.params);
    });
    this.room.replaceChildren(this.page.root);
    this.tell.mounted(kind === "sampling" ? this.page.explorer : null);
  }

  close() {
    this.page?.close();
    URL.revokeObjectURL(this.picture.address);
  }
}
