// What can be chosen in the browser: presets, layer, colours, trails, objects, export.
import { element, setPressed, setText, toggleButton } from "../../explorer/canvas/elements.js";
import { COLOUR_MODES, ZOOMS } from "../../explorer/canvas/view.js";
import { exportCurves, exportPoints, exportVideo } from "./export_replay.js";
import { PRESETS } from "./presets.js";

const COLOURS = { head: "head", level: "level", weight: "weight", outside: "in or out of map" };

export class Controls {
  constructor(replayer, theatre, tell) {
    this.replayer = replayer;
    const select = (label, onchange) => element("select", { "aria-label": label, title: label, onchange });
    this.layer = select("Layer", (event) => replayer.setLayer(event.target.value));
    this.colour = select("Colour of points", (event) => replayer.setView({ colour: event.target.value }));
    this.colour.replaceChildren(...COLOUR_MODES.map((mode) => element("option", { value: mode }, COLOURS[mode])));
    this.object = select("Object to follow", (event) => replayer.choose(Number(event.target.value)));
    this.grid = select("Level whose cells ask", (event) => replayer.setView({ level: Number(event.target.value) }));
    this.zoom = select("Enlarge around what is asked for", (event) => replayer.setZoom(Number(event.target.value)));
    this.zoom.replaceChildren(...ZOOMS.map((zoom) => element("option", { value: zoom }, `${zoom}×`)));
    this.lines = toggleButton("Lines", { title: "Lines from the reference to its points", onclick: () => replayer.setView({ lines: !replayer.view.lines }) });
    this.trails = toggleButton("Trails", { title: "The path of each point through the training so far", onclick: () => replayer.setTrails(!replayer.trails) });
    this.matching = element("p", { class: "dv-quiet dr-matching" });
    this.presets = element("div", { class: "dv-group", role: "group", "aria-label": "Presets" },
      ...PRESETS.map((preset) => element("button", {
        type: "button", class: "dv-button", title: preset.hint, onclick: () => replayer.applyPreset(preset),
      }, preset.name)));
    const field = (name, control) => element("label", { class: "dv-field" }, element("span", {}, name), control);
    [this.objectField, this.gridField] = [field("Follow", this.object), field("Cells of", this.grid)];
    this.root = element("div", { class: "dr-controls" }, this.presets,
      element("div", { class: "dv-group" }, field("Layer", this.layer), this.objectField, this.gridField,
        field("Colour", this.colour), field("Zoom", this.zoom), this.lines, this.trails, this.exportMenu(theatre, tell)),
      this.matching);
    replayer.addEventListener("changed", () => this.update());
  }

  exportMenu(theatre, tell) {
    const { replayer } = this;
    const entries = [
      ["Animation (WebM)", () => exportVideo(replayer, theatre, tell)],
      ["Points of this query (CSV)", () => exportPoints(replayer)],
      ["Curves (JSON)", () => exportCurves(replayer)],
    ];
    const menu = element("details", { class: "dv-menu" },
      element("summary", { class: "dv-button" }, "Export"),
      element("div", { class: "dv-menu-list" }, ...entries.map(([name, run]) => element("button", {
        type: "button",
        onclick: async () => {
          menu.open = false;
          try {
            await run();
          } catch (error) {
            tell(`The export failed: ${error.message}`);
          }
        },
      }, name))));
    return menu;
  }

  update() {
    const { replayer } = this;
    const { layer, view, run } = replayer;
    if (!view) return;
    const { layers, objects } = run.manifest;
    this.offer(this.layer, layers.map((name) => [name, name]), replayer.layerName);
    this.colour.value = view.colour;
    this.zoom.value = String(view.zoom);
    setPressed(this.lines, view.lines);
    setPressed(this.trails, replayer.trails);
    const isEncoder = layer ? layer.isEncoder : replayer.layerName.startsWith("encoder");
    this.objectField.hidden = isEncoder || !objects.length;
    this.gridField.hidden = !isEncoder;
    this.offer(this.object, objects.map((found, index) => [
      String(index), `${found.class_name} ${found.score.toFixed(2)}`]), String(replayer.chosen));
    if (layer && isEncoder) {
      this.offer(this.grid, layer.levels.map(([height, width], level) => [String(level), `level ${level} · ${height}×${width}`]), String(view.level));
    }
    setText(this.matching, this.sentence(isEncoder, objects));
  }

  sentence(isEncoder, objects) {
    if (isEncoder) return "The same cell asks at every snapshot, from the same place.";
    if (!objects.length) return "The same query number at every snapshot; nothing is known of objects here.";
    const { replayer } = this;
    const { matches, iterations } = replayer.run.manifest;
    const query = (iteration) => matches[iteration]?.[replayer.chosen] ?? "none";
    const [first, last] = [iterations[0], iterations[iterations.length - 1]];
    return `Queries change places while they learn, so at each snapshot the object is matched anew (Hungarian, as in training): query ${query(first)} at the start, ${query(replayer.iteration)} now, ${query(last)} at the end.`;
  }

  offer(select, options, chosen) {
    const text = JSON.stringify(options);
    if (select.dataset.options !== text) {
      select.dataset.options = text;
      select.replaceChildren(...options.map(([value, name]) => element("option", { value }, name)));
    }
    select.value = chosen;
  }
}
