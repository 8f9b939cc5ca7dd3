// The page of models that run here: what is looked at, what runs, and what it saw.
import {
  button,
  chooser,
  element,
  labelled,
  offerOptions,
  setPressed,
  setText,
} from "../kit/elements.js";
import { say } from "../kit/words.js";
import { changed, isAtRest, readEdit, writeEdit } from "./edit.js";
import { Engine, lacks } from "./engine.js";
import { OwnPicture } from "./own_picture.js";
import { cut, pixelsOf } from "./pixels.js";
import { Result } from "./result.js";
import { SceneEditor } from "./scene_editor.js";
import { WhatIf } from "./what_if.js";

const OWN = ["model", "scene", "layer", "edit"]; // in the address; all else there is the view's
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

export class Live {
  /** @param {any} facts models, runtimes, scenes, palette */
  constructor(facts) {
    this.facts = facts;
    this.parameters = {}; // of the view, as an address holds them
    this.answer = null; // of the picture on show, as the model gave it
    this.edit = null; // of one decoder layer
    this.whatIf = new WhatIf((edit) => this.goOn(edit));
    this.result = new Result(facts.palette, {
      chosen: () => this.showWhatIf(),
      view: (parameters) => {
        this.parameters = parameters;
        this.keepInAddress();
      },
      mounted: (explorer) => this.whatIf.attach(explorer),
    });
    const tell = {
      changed: () => this.look(),
      problem: (sentence) => this.complain(sentence),
    };
    this.scene = new SceneEditor(facts.scenes, tell);
    this.own = new OwnPicture(tell);
    this.engine = new Engine(facts.runtimes, {
      progress: (done, all) => this.progress(done, all),
      starting: () => setText(this.status, say("live.starting")),
      ready: (ms) => this.ready(ms),
      answer: (answer) => this.answered(answer),
      problem: (sentence, during) => this.failed(sentence, during),
    });
    this.root = element("div", { class: "dv lv" }, this.head(), this.body());
    Object.assign(this.root, { __live: this });
    this.begin();
  }

  head() {
    this.models = chooser(say("live.model"), (name) => this.openModel(name));
    const names = this.facts.models.map(
      ({ name }) => /** @type {[string, string]} */ ([name, name]),
    );
    offerOptions(this.models, names, names[0][0]);
    const field = labelled(say("live.model"), this.models);
    field.hidden = names.length < 2;
    this.modes = Object.fromEntries(
      ["scene", "own"].map((mode) => [
        mode,
        button(say(`live.mode.${mode}`), say(`live.mode.${mode}`), () => this.setMode(mode)),
      ]),
    );
    this.status = element("p", { class: "lv-status", role: "status" });
    this.bar = element("progress", { "aria-label": say("live.loading"), hidden: true });
    this.again = button(say("canvas.kit.again"), say("canvas.kit.again"), () =>
      this.openModel(this.model.name),
    );
    this.again.hidden = true;
    this.note = element("p", { class: "lv-note", role: "status" });
    this.alert = element("p", { class: "lv-alert", role: "alert" });
    return element(
      "div",
      { class: "lv-head" },
      element("div", { class: "dv-toolbar" }, ...Object.values(this.modes), field),
      element("div", { class: "dv-toolbar lv-state" }, this.status, this.bar, this.again),
      this.note,
      this.alert,
    );
  }

  body() {
    const given = element("div", { class: "lv-given" }, this.scene.root, this.own.root);
    const seen = element("div", { class: "lv-seen" }, this.result.root, this.whatIf.root);
    return element("div", { class: "lv-body" }, given, seen);
  }

  /** What the address asks for; what it names that is not here is said. */
  begin() {
    const asked = new URL(window.location.href).searchParams;
    this.result.layer = asked.get("layer") ?? "";
    this.result.view = Object.fromEntries([...asked].filter(([name]) => !OWN.includes(name)));
    this.parameters = this.result.view;
    this.wantedEdit = asked.get("edit") ?? "";
    this.setMode("scene");
    const known = this.facts.models.some(({ name }) => name === asked.get("model"));
    const isWrong = (asked.get("model") && !known) || !this.openScene(asked.get("scene"));
    if (isWrong) setText(this.note, say("live.not_here"));
    const lacking = lacks();
    if (lacking) {
      setText(this.status, lacking);
      return;
    }
    this.openModel(known ? asked.get("model") : this.facts.models[0].name);
  }

  openScene(text) {
    const { start } = this.facts.scenes;
    if (text && this.scene.open(text)) return true;
    this.scene.open(start);
    return !text;
  }

  setMode(mode) {
    this.mode = mode;
    for (const [name, node] of Object.entries(this.modes)) setPressed(node, name === mode);
    this.scene.root.hidden = mode !== "scene";
    this.own.root.hidden = mode !== "own";
    setText(this.alert, "");
    this.look();
  }

  openModel(name) {
    this.model = this.facts.models.find((model) => model.name === name);
    this.models.value = name;
    this.again.hidden = true;
    this.answer = this.edit = null;
    this.whatIf.root.hidden = true;
    setText(this.alert, "");
    this.progress(0, this.model.bytes);
    this.engine.open(this.model);
    this.look();
  }

  progress(done, all) {
    this.bar.hidden = false;
    Object.assign(this.bar, { max: all, value: done });
    setText(this.status, say("live.progress", { done: megabytes(done), all: megabytes(all) }));
  }

  /** How the model runs here. */
  get how() {
    const { way, threads } = this.engine;
    return say(`live.by.${way.name}`, { threads });
  }

  ready(ms) {
    this.bar.hidden = true;
    const values = { seconds: (ms / 1000).toFixed(1), how: this.how };
    setText(this.status, say("live.ready", values));
  }

  /** Have the model look at what is on show. */
  look() {
    if (!this.model) return;
    const given = this.mode === "own" ? this.ownGiven() : this.sceneGiven();
    if (!given) return;
    this.keepInAddress();
    const shown = cut(given.source, given.hw, this.model.input_hw);
    const pixels = pixelsOf(shown, this.model.input_hw);
    this.engine.look({ ...given, shown, pixels, facts: this.model });
  }

  sceneGiven() {
    if (!this.scene.painted) return null;
    const { picture } = this.scene.stage;
    const { title } = this.scene;
    return { source: picture, hw: [picture.height, picture.width], title, note: "" };
  }

  ownGiven() {
    const { picture, title } = this.own;
    if (!picture) return null;
    const hw = [picture.naturalHeight, picture.naturalWidth];
    return { source: picture, hw, title, note: say("live.own.note") };
  }

  answered({ given, outputs, ms }) {
    setText(this.alert, "");
    setText(this.status, say("live.took", { ms: Math.round(ms), how: this.how }));
    if (given.edit) this.showEdited(given, outputs);
    else this.showAnswer({ ...given, outputs });
  }

  /** A new picture begins without an edit, but for the one of the address. */
  async showAnswer(answer) {
    this.answer = answer;
    this.edit = null;
    await this.result.show(answer);
    if (this.answer !== answer) return;
    this.showWhatIf();
    const layers = this.tailed(answer.facts);
    const edit = this.wantedEdit ? readEdit(this.wantedEdit, layers) : null;
    if (this.wantedEdit && !edit) setText(this.note, say("live.not_here"));
    this.wantedEdit = "";
    if (!edit) return;
    this.whatIf.root.open = true;
    this.result.choose(edit.layer);
    this.goOn(edit);
  }

  /** The layers from which the decoder can go on. */
  tailed({ layers, tails }) {
    return layers.filter(({ name }) => tails.some((tail) => tail.layer === name));
  }

  /** Have the decoder go on from an edited layer. */
  goOn(edit) {
    const { facts, outputs } = this.answer;
    this.edit = edit;
    this.keepInAddress();
    if (isAtRest(edit)) {
      this.result.show(this.answer);
      this.showWhatIf();
      return;
    }
    const tail = facts.tails.find(({ layer }) => layer === edit.layer);
    const layer = facts.layers.find(({ name }) => name === edit.layer);
    const mine = changed(edit, layer, outputs);
    const arrays = Object.fromEntries(
      tail.inputs.map((name) => [name, mine[name] ?? outputs[name]]),
    );
    this.engine.look({ tail, arrays, edit, mine, of: this.answer });
  }

  async showEdited({ edit, mine, of }, outputs) {
    if (of !== this.answer || !this.edit || isAtRest(this.edit)) return; // it is about another picture
    const after = { ...of.outputs, ...mine, ...outputs };
    await this.result.show({ ...of, outputs: after });
    this.showWhatIf(edit);
  }

  /** What can be changed of the layer on show, and what was. */
  showWhatIf(edit = this.edit) {
    this.keepInAddress();
    if (!this.answer) return;
    const { facts, outputs: before, shown } = this.answer;
    const { outputs: after } = this.result.answer;
    const layer = this.tailed(facts).find(({ name }) => name === this.result.layer) ?? null;
    const mine = edit?.layer === layer?.name ? edit : null;
    this.whatIf.show(layer, mine, { facts, before, after, hw: [shown.height, shown.width] });
  }

  failed(sentence, during) {
    this.bar.hidden = true;
    this.complain(sentence);
    if (during !== "open") return;
    setText(this.status, "");
    this.again.hidden = false;
  }

  complain(sentence) {
    setText(this.alert, sentence);
  }

  keepInAddress() {
    if (!this.model) return;
    const edit = this.wantedEdit || writeEdit(this.edit);
    const { layer } = this.result;
    const parts = { model: this.model.name, scene: this.scene.text, layer, edit };
    const address = new URLSearchParams(
      Object.entries({ ...parts, ...this.parameters }).filter(([, value]) => value),
    );
    window.history.replaceState(null, "", `?${address}`);
  }

  update() {}

  close() {
    this.engine.close();
    this.result.close();
  }
}
