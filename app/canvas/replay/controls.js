// What can be chosen in the browser: presets, layer, what is drawn, trails, export.
import {
  chooser,
  element,
  labelled,
  offerOptions,
  setPressed,
  setText,
  toggleButton,
} from "../kit/elements.js";
import { fileMenu } from "../kit/export.js";
import { say } from "../kit/words.js";
import { exportCurves, exportPoints, exportVideo } from "./export_replay.js";
import { stillFiles } from "./stills.js";

export class Controls {
  /** `own` are the controls of what is drawn. */
  constructor(replayer, own, theatre, tell) {
    this.replayer = replayer;
    const { kind } = replayer;
    this.own = own;
    this.layer = chooser(say("canvas.replay.layer"), (name) => replayer.setLayer(name));
    this.trails = toggleButton(say("canvas.replay.trails"), {
      title: say("canvas.replay.trails.title"),
      onclick: () => replayer.setTrails(!replayer.trails),
    });
    this.beside = toggleButton(say("canvas.replay.beside"), {
      title: say("canvas.replay.beside.title"),
      onclick: () => replayer.setBeside(!replayer.beside),
    });
    this.matching = element("p", { class: "dv-quiet dr-matching" });
    this.presets = kind.presets.map((preset) => [
      preset,
      toggleButton(say(`canvas.replay.preset.${preset.name}`), {
        title: say(`canvas.replay.preset.${preset.name}.title`),
        onclick: () => replayer.applyPreset(preset),
      }),
    ]);
    const files = [
      ...stillFiles(replayer, theatre),
      [say("canvas.replay.export.video"), () => exportVideo(replayer, theatre, tell)],
      [say("canvas.replay.export.points"), () => exportPoints(replayer)],
      [say("canvas.replay.export.curves"), () => exportCurves(replayer)],
    ];
    const presets = element(
      "div",
      { class: "dv-group", role: "group", "aria-label": say("canvas.replay.presets") },
      ...this.presets.map(([, button]) => button),
    );
    this.root = element(
      "div",
      { class: "dr-controls" },
      presets,
      element(
        "div",
        { class: "dv-group" },
        labelled(say("canvas.replay.layer"), this.layer),
        ...this.own.nodes,
        this.trails,
        this.beside,
        fileMenu(files, tell),
      ),
      this.matching,
    );
    replayer.addEventListener("changed", () => this.update());
  }

  update() {
    const { replayer } = this;
    if (!replayer.view) return;
    const { layers, layer_titles: titles } = replayer.run.manifest;
    offerOptions(
      this.layer,
      layers.map((name) => [name, titles[name] ?? name]),
      replayer.layerName,
    );
    setPressed(this.trails, replayer.trails);
    setPressed(this.beside, replayer.beside);
    for (const [preset, button] of this.presets) setPressed(button, replayer.showsPreset(preset));
    this.own.update();
    setText(this.matching, this.own.sentence());
  }
}
