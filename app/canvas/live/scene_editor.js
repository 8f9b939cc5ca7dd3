// A scene that the visitor rearranges: its stage, and a control for everything that can be done there.
import { button, chooser, element, labelled, offerOptions, slider } from "../kit/elements.js";
import { say } from "../kit/words.js";
import { Pictures } from "./pictures.js";
import { SIZES, hasRoom, readScene, tidy, writeScene } from "./scene.js";
import { SceneStage } from "./scene_stage.js";

const ADDED = { x: 0.5, y: 0.6, size: 0.35, turn: 0, mirrored: false };
const SLIDERS = {
  x: { min: 0, max: 1, step: 0.01 },
  y: { min: 0, max: 1, step: 0.01 },
  size: { min: SIZES[0], max: SIZES[1], step: 0.01 },
  turn: { min: -180, max: 180, step: 1 },
};

export class SceneEditor {
  /**
   * @param {any} facts hw, backdrops, things, start
   * @param {{ changed: () => void, problem: (sentence: string) => void }} tell
   */
  constructor(facts, tell) {
    this.facts = facts;
    this.tell = tell;
    this.scene = readScene(facts.start, facts);
    this.chosen = -1;
    this.painted = ""; // the scene on the stage, as an address writes it
    this.pictures = new Pictures([...facts.backdrops, ...facts.things]);
    this.stage = new SceneStage(facts.hw, (name) => this.pictures.get(name), {
      chosen: (index) => this.choose(index),
      changed: (patch) => this.change(patch),
      removed: () => this.remove(),
    });
    this.root = element("div", { class: "lv-scene" }, this.stage.root, this.controls());
    this.describe();
  }

  controls() {
    this.things = chooser(say("live.scene.thing"), (index) => this.choose(Number(index)));
    this.sliders = Object.fromEntries(
      Object.entries(SLIDERS).map(([name, limits]) => [
        name,
        slider(say(`live.scene.${name}`), say(`live.scene.${name}`), limits, (value) =>
          this.change({ [name]: value }),
        ),
      ]),
    );
    const does = (key, act) => button(say(`live.scene.${key}`), say(`live.scene.${key}`), act);
    this.acts = [
      does("mirror", () => this.change({ mirrored: !this.thing.mirrored })),
      does("front", () => this.toFront()),
      does("remove", () => this.remove()),
    ];
    this.kinds = chooser(say("live.scene.kind"), () => {});
    const kinds = this.facts.things.map(({ name, title }) => [name, `${title} ${name.at(-1)}`]);
    offerOptions(this.kinds, kinds, kinds[0][0]);
    this.adds = does("add", () => this.add());
    this.backdrops = chooser(say("live.scene.backdrop"), (backdrop) => this.renew({ backdrop }));
    const backdrops = this.facts.backdrops.map(({ name, title }) => [name, title]);
    offerOptions(this.backdrops, backdrops, this.scene.backdrop);
    const row = (...parts) => element("div", { class: "dv-toolbar" }, ...parts);
    return element(
      "div",
      { class: "lv-controls" },
      row(labelled(say("live.scene.thing"), this.things), ...this.acts),
      row(...Object.values(this.sliders).map(({ root }) => root)),
      row(labelled(say("live.scene.kind"), this.kinds), this.adds),
      row(
        labelled(say("live.scene.backdrop"), this.backdrops),
        does("restart", () => this.open(this.facts.start)),
      ),
      element("p", { class: "dv-quiet" }, say("live.scene.how")),
    );
  }

  get thing() {
    return this.scene.things[this.chosen];
  }

  get text() {
    return writeScene(this.scene);
  }

  titleOf({ name }) {
    return this.facts.things.find((thing) => thing.name === name).title;
  }

  get title() {
    return say("live.scene.title", {
      things: this.scene.things.map((one) => this.titleOf(one)).join(", "),
    });
  }

  /** Show a scene from its text; false where it is none. */
  open(text) {
    const scene = readScene(text, this.facts);
    if (scene) {
      this.chosen = -1;
      this.renew(scene);
    }
    return Boolean(scene);
  }

  choose(index) {
    this.chosen = index;
    this.renew({});
  }

  change(patch) {
    if (!this.thing) return;
    this.renewThings(this.scene.things.with(this.chosen, tidy({ ...this.thing, ...patch })));
  }

  remove() {
    if (!this.thing) return;
    const rest = this.scene.things.toSpliced(this.chosen, 1);
    this.chosen = Math.min(this.chosen, rest.length - 1);
    this.renewThings(rest);
  }

  toFront() {
    if (!this.thing) return;
    const things = [...this.scene.things.toSpliced(this.chosen, 1), this.thing];
    this.chosen = things.length - 1;
    this.renewThings(things);
  }

  add() {
    if (!hasRoom(this.scene)) return;
    this.chosen = this.scene.things.length;
    this.renewThings([...this.scene.things, { ...ADDED, name: this.kinds.value }]);
  }

  renewThings(things) {
    this.renew({ things });
  }

  /** Take a change, and paint it once its pictures are here. */
  async renew(patch) {
    this.scene = { ...this.scene, ...patch };
    this.describe();
    const names = [this.scene.backdrop, ...this.scene.things.map(({ name }) => name)];
    if (!this.pictures.has(names)) {
      const { scene } = this;
      try {
        await this.pictures.fetch(names);
      } catch (problem) {
        this.tell.problem(problem.message);
        return;
      }
      if (scene !== this.scene) return; // a later change paints
    }
    this.stage.show(this.scene, this.chosen);
    if (this.text === this.painted) return;
    this.painted = this.text;
    this.tell.changed();
  }

  /** Controls say what is chosen, and where it is. */
  describe() {
    const { things } = this.scene;
    const none = /** @type {[string, string]} */ (["-1", say("live.scene.none")]);
    const options = things.map((one, at) => [String(at), `${at + 1} ${this.titleOf(one)}`]);
    offerOptions(this.things, [none, ...options], String(this.chosen));
    offerOptions(
      this.backdrops,
      this.facts.backdrops.map(({ name, title }) => [name, title]),
      this.scene.backdrop,
    );
    for (const [name, { input, output }] of Object.entries(this.sliders)) {
      input.disabled = !this.thing;
      if (!this.thing) continue;
      input.value = String(this.thing[name]);
      output.value =
        name === "turn" ? `${Math.round(this.thing.turn)}°` : this.thing[name].toFixed(2);
    }
    for (const act of this.acts) act.disabled = !this.thing;
    this.adds.disabled = !hasRoom(this.scene);
    const spoken = this.thing ? this.titleOf(this.thing) : say("live.scene.none");
    this.stage.root.setAttribute(
      "aria-label",
      say("live.scene.spoken", { thing: spoken, count: things.length }),
    );
  }
}
