// Controls of sampling points that answer at once.
import { chooser, labelled, offerOptions, setPressed, toggleButton } from "../kit/elements.js";
import { COLOUR_NAMES } from "../sampling/toolbar.js";
import { COLOUR_MODES, ZOOMS } from "../sampling/view.js";

export class SamplingControls {
  constructor(replayer) {
    this.replayer = replayer;
    this.object = chooser("Object to follow", (value) => replayer.choose(Number(value)));
    this.grid = chooser("Level whose cells ask", (value) =>
      replayer.setView({ level: Number(value) }),
    );
    this.colour = chooser("Colour of points", (value) => replayer.setView({ colour: value }));
    offerOptions(
      this.colour,
      COLOUR_MODES.map((mode) => [mode, COLOUR_NAMES[mode]]),
      "head",
    );
    this.zoom = chooser("Enlarge around what is asked for", (value) =>
      replayer.setZoom(Number(value)),
    );
    offerOptions(
      this.zoom,
      ZOOMS.map((zoom) => [String(zoom), `${zoom}×`]),
      "1",
    );
    this.lines = toggleButton("Lines", {
      title: "Lines from the reference to its points",
      onclick: () => replayer.setView({ lines: !replayer.view.lines }),
    });
    this.objectField = labelled("Follow", this.object);
    this.gridField = labelled("Cells of", this.grid);
    this.nodes = [
      this.objectField,
      this.gridField,
      labelled("Colour", this.colour),
      labelled("Zoom", this.zoom),
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
          `level ${level} · ${height}×${width}`,
        ]),
        String(view.level),
      );
    }
  }

  /** How the pictures of different snapshots come to show the same thing. */
  sentence() {
    const { replayer } = this;
    const { objects } = replayer.run.manifest;
    if (replayer.layer?.isEncoder ?? true)
      return "The same cell asks at every snapshot, from the same place.";
    if (!objects.length)
      return "The same query number at every snapshot; nothing is known of objects here.";
    const trails = replayer.trails
      ? " Trails are drawn as seen from the query's box, which moves as well."
      : "";
    return `Queries change places while they learn: at each snapshot the object is matched anew, by the Hungarian matching of training.${trails}`;
  }
}
