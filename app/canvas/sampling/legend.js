// Always in sight: which colour is which head, which shape which level, what size and signs mean.
import { element, setPressed, setText } from "../kit/elements.js";
import { weightRadius } from "../kit/marks.js";
import { svgNode } from "../kit/paint_svg.js";
import { glyph } from "../kit/signs.js";
import { countTo } from "../kit/view.js";
import { say } from "../kit/words.js";

const SAMPLE_WEIGHTS = [0.02, 0.1, 0.3];

export class Legend {
  constructor(explorer) {
    this.explorer = explorer;
    this.heads = chips(say("canvas.sampling.legend.heads"));
    this.levels = chips(say("canvas.sampling.legend.levels"));
    this.chips = { heads: [], levels: [] };
    this.shape = null; // what the chips were built of
    this.sizeKey = null;
    this.scaleKey = null;
    this.meaning = element("span");
    this.sizes = element("span", { class: "dv-sizes" });
    this.signs = element(
      "div",
      { class: "dv-signs" },
      this.meaning,
      this.sizes,
      explained("✛", say("canvas.sampling.legend.reference"), explorer.terms?.reference?.means),
      explained("⇢", say("canvas.sampling.legend.beyond")),
    );
    this.scale = element("div", { class: "dv-scale" });
    this.root = element("div", { class: "dv-legend" }, this.heads, this.levels, this.signs);
    explorer.addEventListener("changed", () => this.update());
    explorer.addEventListener("drawn", ({ detail }) => {
      this.updateSizes(detail);
      this.updateScale(detail);
    });
  }

  update() {
    const { layer, palette, view } = this.explorer;
    this.meaning.title = this.explorer.terms?.level?.means ?? "";
    setText(
      this.meaning,
      say(`canvas.sampling.legend.meaning${view.colour === "head" ? ".colour" : ""}`),
    );
    const shape = `${layer.header.heads} ${JSON.stringify(layer.levels)}`;
    if (shape !== this.shape) this.build(layer, palette);
    this.shape = shape;
    for (const [kind, chips] of Object.entries(this.chips))
      chips.forEach((chip, index) => {
        setPressed(chip, view[kind].includes(index));
        chip.disabled = view.reverse && kind === "levels"; // all levels are asked who reads
      });
  }

  build(layer, palette) {
    const { heads, marks } = palette;
    this.chips.heads = countTo(layer.header.heads).map((head) =>
      this.chip("heads", head, {
        drawing: glyph("circle", heads[head % heads.length]),
        text: `h${head}`,
        title: say("canvas.kit.chip.head", { head }),
        "aria-label": say("canvas.sampling.legend.head", { head }),
      }),
    );
    this.chips.levels = layer.levels.map(([height, width], level) =>
      this.chip("levels", level, {
        drawing: glyph(marks[level % marks.length], "transparent"),
        text: say("canvas.sampling.level.sized", { level, height, width }),
        title: say("canvas.sampling.legend.level", { level, height, width }),
      }),
    );
    this.heads.replaceChildren(...this.chips.heads);
    this.levels.replaceChildren(...this.chips.levels);
  }

  /** A term that hides or shows a head or level. */
  chip(kind, index, { drawing, text, ...more }) {
    const onclick = (event) => this.explorer.toggle(kind, index, event.shiftKey);
    const is = { type: "button", class: "dv-chip", "data-index": index, onclick, ...more };
    return element("button", is, drawing, text);
  }

  /** Discs as large as the picture draws them. */
  updateSizes(scene) {
    const radii = SAMPLE_WEIGHTS.map((weight) => weightRadius(scene, weight));
    const key = radii.join();
    if (key === this.sizeKey) return;
    this.sizeKey = key;
    this.sizes.replaceChildren(
      `${say("canvas.sampling.legend.area")} `,
      ...radii.flatMap((radius, index) => {
        const side = 2 * radius + 2;
        const root = svgNode("svg", {
          width: side,
          height: side,
          viewBox: `${-side / 2} ${-side / 2} ${side} ${side}`,
          "aria-hidden": "true",
        });
        root.append(svgNode("circle", { r: radius, fill: "none", stroke: "currentColor" }));
        return [root, ` ${SAMPLE_WEIGHTS[index]} `];
      }),
    );
  }

  /** What colours mean where they do not mean heads: a bar with numbers, or named colours. */
  updateScale(scene) {
    const rows = scaleRows(scene);
    const key = JSON.stringify(rows);
    if (key === this.scaleKey) return;
    this.scaleKey = key;
    const { sequential } = scene.palette;
    this.scale.replaceChildren(
      ...rows.map((row) => (row.named ? named(row.named) : bar(row, sequential))),
    );
  }
}

/** Room for terms that hide or show something. */
const chips = (name) => element("div", { class: "dv-chips", role: "group", "aria-label": name });

/** A sign and what it means. */
const explained = (sign, means, title = undefined) =>
  element(
    "span",
    { title },
    element("b", { class: "dv-sign", "aria-hidden": "true" }, sign),
    ` ${means}`,
  );

/** Rows { named: [[colour, name], ..] } or { title, low, high, note }. */
function scaleRows(scene) {
  const { view, palette, layer } = scene;
  const rows = [];
  if (view.colour === "level")
    rows.push({
      named: layer.levels.map((_, level) => [
        palette.levels[level],
        say("canvas.sampling.level", { level }),
      ]),
    });
  if (view.colour === "outside") {
    const { picture, padding, outside } = palette.places;
    rows.push({
      named: [
        [picture, say("canvas.sampling.place.picture")],
        [padding, say("canvas.sampling.place.padding")],
        [outside, say("canvas.sampling.legend.outside")],
      ],
    });
  }
  const upTo = (title, most) => rows.push({ title, low: "0", high: most.toFixed(3) });
  if (view.colour === "weight") upTo(say("canvas.sampling.legend.weight"), scene.mostWeight);
  if (view.mass && scene.mass) rows.push(massRow(scene));
  if (view.reverse && scene.lookup)
    upTo(say("canvas.sampling.legend.read"), scene.lookup.ranked[0]?.amount ?? 0);
  return rows;
}

function massRow({ view, mass, layer }) {
  const { queries, heads } = layer.header;
  const share = mass.total ? (100 * mass.inside) / mass.total : 0;
  const everyHead = view.heads.length === heads;
  const whose = everyHead
    ? say("canvas.sampling.heads.all")
    : say("canvas.sampling.heads.some", { heads: view.heads.join(", ") || "–" });
  return {
    title: say("canvas.sampling.legend.mass", { level: mass.level, queries, whose }),
    low: "0",
    high: `≥ ${mass.ceiling.toPrecision(3)}`,
    note: say("canvas.sampling.legend.on_map", {
      share: share.toFixed(1),
      total: mass.total.toFixed(0),
    }),
  };
}

function bar({ title, low, high, note }, colours) {
  const ramp = element("span", { class: "dv-ramp", "aria-hidden": "true" });
  ramp.style.background = `linear-gradient(to right, ${colours.join(", ")})`;
  return element(
    "div",
    { class: "dv-bar" },
    element("span", {}, title),
    element("span", {}, low),
    ramp,
    element("span", {}, high),
    ...(note ? [element("span", { class: "dv-quiet" }, note)] : []),
  );
}

function named(entries) {
  return element(
    "div",
    { class: "dv-bar" },
    ...entries.map(([colour, name]) => element("span", {}, glyph("square", colour), ` ${name}`)),
  );
}
