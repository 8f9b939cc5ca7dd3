// Always in sight: which colour is which head, which shape which level, what size and signs mean.
import { element, setText } from "./elements.js";
import { markerMark } from "./glyphs.js";
import { weightRadius } from "./layer_query.js";
import { svgNode } from "./paint.js";

const SAMPLE_WEIGHTS = [0.02, 0.1, 0.3];

/** A marker as a small inline drawing. */
export function glyph(name, fill, size = 15, edge = "currentColor") {
  const mark = markerMark(name, 0, 0, 5.4, {});
  const shape =
    mark.type === "circle"
      ? svgNode("circle", { r: mark.radius })
      : svgNode("polygon", { points: mark.points.map((point) => point.join(",")).join(" ") });
  shape.setAttribute("fill", fill);
  shape.setAttribute("stroke", edge);
  const root = svgNode("svg", {
    viewBox: "-9 -9 18 18",
    width: size,
    height: size,
    "aria-hidden": "true",
  });
  root.append(shape);
  return root;
}

export class Legend {
  constructor(explorer) {
    this.explorer = explorer;
    this.heads = element("div", { class: "dv-chips", role: "group", "aria-label": "Heads" });
    this.levels = element("div", { class: "dv-chips", role: "group", "aria-label": "Levels" });
    this.meaning = element("span");
    this.sizes = element("span", { class: "dv-sizes" });
    this.signs = element(
      "div",
      { class: "dv-signs" },
      this.meaning,
      this.sizes,
      element(
        "span",
        {},
        element("b", { class: "dv-sign", "aria-hidden": "true" }, "✛"),
        " reference",
      ),
      element(
        "span",
        {},
        element("b", { class: "dv-sign", "aria-hidden": "true" }, "⇢"),
        " beyond the edge",
      ),
    );
    this.scale = element("div", { class: "dv-scale" });
    this.root = element("div", { class: "dv-legend" }, this.heads, this.levels, this.signs);
    explorer.addEventListener("changed", () => this.update());
    explorer.addEventListener("drawn", (event) => this.updateSizes(event.detail));
    explorer.addEventListener("drawn", (event) => this.updateScale(event.detail));
  }

  update() {
    const { layer, palette, view } = this.explorer;
    setText(
      this.meaning,
      view.colour === "head" ? "colour = head h · shape = level" : "shape = level",
    );
    const shape = `${layer.header.heads} ${JSON.stringify(layer.levels)}`;
    if (shape !== this.shape) this.build(layer, palette);
    this.shape = shape;
    for (const [kind, group] of [
      ["heads", this.heads],
      ["levels", this.levels],
    ]) {
      for (const chip of group.children) {
        chip.setAttribute("aria-pressed", String(view[kind].includes(Number(chip.dataset.index))));
      }
    }
  }

  build(layer, palette) {
    const chip = (kind, index, drawing, text, title, name) =>
      element(
        "button",
        {
          type: "button",
          class: "dv-chip",
          "data-index": index,
          title,
          "aria-label": name,
          onclick: (event) => this.explorer.toggle(kind, index, event.shiftKey),
        },
        drawing,
        text,
      );
    this.heads.replaceChildren(
      ...Array.from({ length: layer.header.heads }, (_, head) =>
        chip(
          "heads",
          head,
          glyph("circle", palette.heads[head % palette.heads.length]),
          `h${head}`,
          `Head ${head}: click to hide or show, Shift-click for only this one`,
          `h${head}, head ${head}`,
        ),
      ),
    );
    this.levels.replaceChildren(
      ...layer.levels.map(([height, width], level) =>
        chip(
          "levels",
          level,
          glyph(palette.marks[level % palette.marks.length], "transparent"),
          `level ${level} · ${height}×${width}`,
          `Level ${level}, ${height} rows × ${width} columns: click to hide or show, Shift-click for only this one`,
        ),
      ),
    );
  }

  /** Discs as large as the picture draws them. */
  updateSizes(scene) {
    const radii = SAMPLE_WEIGHTS.map((weight) => weightRadius(scene, weight));
    const key = radii.join();
    if (key === this.sizeKey) return;
    this.sizeKey = key;
    this.sizes.replaceChildren(
      "area = weight ",
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
    const { view, palette, mass } = scene;
    const rows = [];
    if (view.colour === "level") {
      rows.push([
        "named",
        scene.layer.levels.map((_, level) => [palette.levels[level], `level ${level}`]),
      ]);
    }
    if (view.colour === "outside") {
      rows.push([
        "named",
        [
          [palette.places.picture, "in the picture"],
          [palette.places.padding, "in the padding"],
          [palette.places.outside, "outside the map: reads zeros"],
        ],
      ]);
    }
    if (view.colour === "weight")
      rows.push(["bar", "attention weight", "0", scene.mostWeight.toFixed(3)]);
    if (view.mass && mass) {
      const share = mass.total ? (100 * mass.inside) / mass.total : 0;
      const everyHead = view.heads.length === scene.layer.header.heads;
      const whose = everyHead ? "all heads" : `heads ${view.heads.join(", ") || "none"}`;
      rows.push([
        "bar",
        `sampling mass per cell of level ${mass.level}, all ${scene.layer.header.queries} queries, ${whose}`,
        "0",
        `≥ ${mass.ceiling.toPrecision(3)}`,
        `${share.toFixed(1)} % of ${mass.total.toFixed(0)} falls on the map`,
      ]);
    }
    if (view.reverse && scene.lookup) {
      rows.push([
        "bar",
        "weight read from the cell",
        "0",
        (scene.lookup.ranked[0]?.amount ?? 0).toFixed(3),
      ]);
    }
    const key = JSON.stringify(rows);
    if (key === this.scaleKey) return;
    this.scaleKey = key;
    this.scale.replaceChildren(
      ...rows.map((row) => (row[0] === "bar" ? this.bar(row, palette) : this.named(row))),
    );
  }

  bar([, title, low, high, note], palette) {
    const ramp = element("span", { class: "dv-ramp", "aria-hidden": "true" });
    ramp.style.background = `linear-gradient(to right, ${palette.sequential.join(", ")})`;
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

  named([, entries]) {
    return element(
      "div",
      { class: "dv-bar" },
      ...entries.map(([colour, name]) => element("span", {}, glyph("square", colour), ` ${name}`)),
    );
  }
}
