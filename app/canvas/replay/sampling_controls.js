// Controls of sampling points that answer at once.
import { chooser, labelled, offerOptions, setPressed, toggleButton } from "../kit/elements.js";
import { say } from "../kit/words.js";
import { colourModes } from "../sampling/toolbar.js";
import { ZOOMS } from "../sampling/view.js";

export class SamplingControls {
  constructor(replayer) {
    this.replayer = replayer;
    this.object = chooser(say("canvas.replay.object.title"), (value) =>
      replayer.choose(Number(value)),
    );
    this.grid = chooser(say("canvas.replay.cells.title"), (value) =>
      replayer.setView({ level: Number(value) }),
    );
    this.colour = chooser(say("canvas.replay.colour.title"), (value) =>
      replayer.setView({ colour: value }),
    );
    offerOptions(this.colour, colourModes(), "head");
    this.zoom = chooser(say("canvas.replay.zoom.title"), (value) =>
      replayer.setZoom(Number(value)),
    );
    offerOptions(
      this.zoom,
      ZOOMS.map((zoom) => [String(zoom), `${zoom}×`]),
      "1",
    );
    this.lines = toggleButton(say("canvas.sampling.lines"), {
      title: say("canvas.sampling.lines.title"),
      onclick: () => replayer.setView({ lines: !replayer.view.lines }),
    });
    this.objectField = labelled(say("canvas.replay.object"), this.object);
    this.gridField = labelled(say("canvas.replay.cells"), this.grid);
    this.nodes = [
      this.objectField,
      this.gridField,
      labelled(say("canvas.sampling.colour"), this.colour),
      labelled(say("canvas.sampling.zoom"), this.zoom),
      this.lines,
    ];
  }

  update() {
    const { replayer } = this;
    const { layer, view, run } = replayer;
    const { objects } = run.manifest;
    const isEncoder = layer ? layer.isEncoder : replayer.layerName.startsWith("encoder");
    this.colour.value = view.colour;
    this.zoom.value = String(view.zoom);
    setPressed(this.lines, view.lines);
    this.objectField.hidden = isEncoder || !objects.length;
    this.gridField.hidden = !isEncoder;
    offerOptions(
      this.object,
      objects.map((found, index) => [
        String(index),
        `${found.class_name} ${found.score.toFixed(2)}`,
      ]),
      String(replayer.chosen),
    );
    if (layer && isEncoder) {
      offerOptions(
        this.grid,
        layer.levels.map(([height, width], level) => [
          String(level),
          say("canvas.sampling.level.sized", { level, height, width }),
        ]),
        String(view.level),
      );
    }
  }

  /** How the pictures of different snapshots come to show the same thing. */
  sentence() {
    const { replayer } = this;
    const { objects } = replayer.run.manifest;
    if (replayer.layer?.isEncoder ?? true) return say("canvas.replay.sampling.same_cell");
    if (!objects.length) return say("canvas.replay.sampling.same_query");
    const matched = say("canvas.replay.sampling.matched");
    return replayer.trails ? `${matched} ${say("canvas.replay.sampling.trails")}` : matched;
  }
}
