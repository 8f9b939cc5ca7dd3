// Numbers of one knot, and the classes the whole model answers with; heights never change.
import { element, setText } from "../kit/elements.js";
import { applyAffine } from "../kit/frames.js";
import { glyph } from "../kit/signs.js";
import { say } from "../kit/words.js";

const pair = ([x, y], digits) => `${x.toFixed(digits)}, ${y.toFixed(digits)}`;

const KNOT_LINES = [
  { term: "canvas.grid.readout.weight", value: ({ weight }) => weight.toFixed(4) },
  { term: "canvas.grid.readout.mean", value: ({ mean }) => mean.toFixed(4) },
  {
    term: "canvas.grid.readout.bias",
    value: ({ bias }) => (bias === null ? say("canvas.grid.readout.no_bias") : bias.toFixed(3)),
  },
  { term: "canvas.grid.readout.offset", value: ({ offset }) => pair(offset, 2) },
  { term: "canvas.grid.readout.displacement", value: ({ displacement }) => pair(displacement, 3) },
  { term: "canvas.grid.readout.original", value: ({ original }) => pair(original, 1) },
  {
    term: "canvas.grid.readout.object",
    value: ({ onObject }) => say(`canvas.grid.readout.object.${onObject}`),
  },
];

/** Everything about one knot of one head for one query. */
export function knotFacts(layer, query, head, knot) {
  const { header } = layer;
  const group = layer.groupOf(head);
  const [from, to] = [layer.place(group, knot, 0), layer.place(group, knot, 1)];
  const [gridHeight, gridWidth] = header.grid_hw;
  return {
    weight: layer.weight(head, query, knot),
    mean: layer.importance(head)[knot],
    bias: layer.bias(head, query, knot),
    offset: [(to[0] - from[0]) * gridWidth, (to[1] - from[1]) * gridHeight],
    displacement: layer.displacement(query, to),
    original: applyAffine(header.to_original, to[0], to[1]),
    onObject: layer.onObject(to),
    row: Math.floor(knot / gridWidth),
    column: knot % gridWidth,
    group,
  };
}

export class KnotReadout {
  constructor(explorer) {
    this.explorer = explorer;
    this.sign = element("span", { class: "dv-readout-sign" });
    this.name = element("strong", {}, "—");
    this.why = element("span", { class: "dv-quiet" });
    this.values = KNOT_LINES.map(() => element("dd", {}, "—"));
    this.root = element(
      "section",
      { class: "dv-readout", "aria-label": say("canvas.grid.readout.label") },
      element("header", {}, this.sign, this.name, this.why),
      element(
        "dl",
        {},
        ...KNOT_LINES.flatMap(({ term }, at) => [element("dt", {}, say(term)), this.values[at]]),
      ),
    );
    explorer.on("drawn", (scene) => this.update(scene));
  }

  update(scene) {
    const { focus, query, layer, palette } = scene;
    const shown = focus ?? scene.knots[0];
    setText(this.why, focus || !shown ? "" : say("canvas.grid.readout.heaviest"));
    if (!shown) {
      setText(this.name, say("canvas.grid.readout.none"));
      this.values.forEach((node) => setText(node, "—"));
      return;
    }
    const facts = knotFacts(layer, query, shown.head, shown.knot);
    setText(this.name, say("canvas.grid.readout.name", { head: shown.head, ...facts }));
    if (this.look !== shown.head) {
      this.look = shown.head;
      this.sign.replaceChildren(
        glyph("circle", palette.heads[shown.head % palette.heads.length], 18),
      );
    }
    KNOT_LINES.forEach(({ value }, at) => setText(this.values[at], value(facts)));
  }
}

/** The likeliest classes with their probabilities. */
export class ClassList {
  constructor(explorer) {
    this.list = element("ol");
    this.root = element(
      "section",
      { class: "dv-lookup dv-classes", "aria-label": say("canvas.grid.classes.label") },
      element("p", { class: "dv-title" }, say("canvas.grid.classes.title")), // the section is named
      this.list,
    );
    explorer.addEventListener("changed", () => this.update(explorer.layer));
  }

  update(layer) {
    if (layer === this.layer) return;
    this.layer = layer;
    this.root.hidden = !layer.header.classes.length;
    this.list.replaceChildren(
      ...layer.header.classes.map(({ class_name: name, probability }) => {
        const share = element("span", { class: "dv-share" });
        share.style.setProperty("--dv-share", probability.toFixed(4));
        return element(
          "li",
          { class: "dv-class" },
          share,
          element("span", {}, name),
          element("span", { class: "dv-number" }, `${(100 * probability).toFixed(1)} %`),
        );
      }),
    );
  }
}
