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
import { exportCurves, exportPoints, exportVideo } from "./export_replay.js";

export class Controls {
  /** `own` are the controls of what is drawn. */
  constructor(replayer, own, theatre, tell) {
    this.replayer = replayer;
    const { kind } = replayer;
    this.own = own;
    this.layer = chooser("Layer", (name) => replayer.setLayer(name));
    this.trails = toggleButton("Trails", {
      title: "The paths of the heaviest points through the training so far",
      onclick: () => replayer.setTrails(!replayer.trails),
    });
    this.matching = element("p", { class: "dv-quiet dr-matching" });
    this.presets = kind.presets.map((preset) => [
      preset,
      toggleButton(preset.name, {
        title: preset.hint,
        onclick: () => replayer.applyPreset(preset),
      }),
    ]);
    const files = [
      ["Animation (WebM)", () => exportVideo(replayer, theatre, tell)],
      ["Points of this query (CSV)", () => exportPoints(replayer)],
      ["Curves (JSON)", () => exportCurves(replayer)],
    ];
    const presets = element(
      "div",
      { class: "dv-group", role: "group", "aria-label": "Presets" },
      ...this.presets.map(([, button]) => button),
    );
    this.root = element(
      "div",
      { class: "dr-controls" },
      presets,
      element(
        "div",
        { class: "dv-group" },
        labelled("Layer", this.layer),
        ...this.own.nodes,
        this.trails,
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
    for (const [preset, button] of this.presets) setPressed(button, replayer.showsPreset(preset));
    this.own.update();
    setText(this.matching, this.own.sentence());
  }
}
