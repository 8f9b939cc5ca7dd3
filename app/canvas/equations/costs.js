// What a layer costs, for any size, at once: sliders, each term, and where min() changes its mind.
import { element, focusedIn } from "../kit/elements.js";
import { svgNode } from "../kit/paint_svg.js";
import { say } from "../kit/words.js";
import { formula } from "./formula.js";

const LETTERS = { queries: "Nq", side: "S", points: "K", heads: "M", channels: "C", levels: "L" };
const PLOT = { width: 420, height: 230, left: 46, right: 12, top: 14, bottom: 34 };
const QUERIES = [1, 1e5];
const LINES = ["value_first_cost", "sample_first_cost", "total", "dense"];

export const whole = (number) => Math.round(number).toLocaleString("en").replaceAll(",", "\u202f");
const SHORT = [
  { size: 1e12, unit: "T" },
  { size: 1e9, unit: "G" },
  { size: 1e6, unit: "M" },
  { size: 1e3, unit: "k" },
];
const short = (number) => {
  const { size, unit } = SHORT.find((each) => number >= each.size) ?? { size: 1, unit: "" };
  return `${Number((number / size).toPrecision(3))}${unit}`;
};

export class Costs {
  constructor(page) {
    this.page = page;
    this.sliders = element("div", { class: "wt-sliders" });
    this.chart = svgNode("svg", {
      class: "wt-chart",
      viewBox: `0 0 ${PLOT.width} ${PLOT.height}`,
      role: "img",
    });
    this.table = element("table", { class: "wt-terms" });
    this.verdict = element("p", { class: "wt-verdict", "aria-live": "polite" });
    this.root = element(
      "div",
      { class: "wt-costs" },
      this.sliders,
      this.verdict,
      this.chart,
      this.legend(),
      this.table,
    );
  }

  /** What the server knows: the terms, and what it counted for the sizes it was told. */
  update(panel) {
    this.panel = panel;
    this.counted = { sizes: JSON.stringify(panel.sizes), value: panel.counted };
    if (!this.inputs) this.build();
    if (!focusedIn(this.root)?.matches(".wt-sliders input:active")) this.sizes = { ...panel.sizes };
    this.show();
  }

  build() {
    this.sizes = { ...this.panel.sizes };
    this.inputs = {};
    this.said = {};
    const choices = Object.entries(this.panel.choices);
    this.sliders.append(
      ...choices.map(([name, values]) => {
        const usual = name === "queries" ? values.slice(1) : values;
        const input = element("input", {
          type: "range",
          min: 0,
          max: usual.length - 1,
          step: 1,
          name,
          "aria-label": say(`canvas.equations.cost.${name}`),
        });
        input.addEventListener("input", () => this.set(name, usual[Number(input.value)]));
        input.addEventListener("change", () => this.tell());
        this.inputs[name] = { input, usual };
        this.said[name] = element("output");
        return element(
          "label",
          {},
          element(
            "span",
            {},
            `${say(`canvas.equations.cost.${name}`)} `,
            element("i", {}, LETTERS[name][0], element("sub", {}, LETTERS[name].slice(1))),
          ),
          input,
          this.said[name],
        );
      }),
    );
    this.encoder = element("input", { type: "checkbox" });
    this.encoder.addEventListener("change", () => {
      this.set("queries", this.encoder.checked ? 0 : 300);
      this.tell();
    });
    this.sliders.append(
      element("label", { class: "wt-check" }, this.encoder, say("canvas.equations.cost.encoder")),
    );
  }

  set(name, value) {
    this.sizes = { ...this.sizes, [name]: value };
    this.show();
  }

  tell() {
    this.page.tell("sizes", this.sizes);
  }

  letters(queries = this.sizes.queries) {
    const pixels =
      this.panel.pixels[this.sizes.side][this.panel.choices.levels.indexOf(this.sizes.levels)];
    return { ...this.sizes, pixels, queries: queries || pixels };
  }

  /** Every term for a number of queries, the whole layer both ways, and dense attention. */
  costs(queries) {
    const sizes = this.letters(queries);
    const found = {};
    for (const { name, factor, powers } of this.panel.terms) {
      found[name] = Object.entries(powers).reduce(
        (product, [letter, power]) => product * sizes[letter] ** power,
        factor,
      );
    }
    const rest = found.output_cost + found.sampling_cost + found.prediction_cost;
    found.total = rest + Math.min(found.value_first_cost, found.sample_first_cost);
    found.module = rest + found.value_first_cost;
    found.dense =
      2 *
      sizes.channels *
      (sizes.queries * sizes.channels +
        sizes.pixels * sizes.channels +
        sizes.queries * sizes.pixels);
    return found;
  }

  show() {
    const { sizes } = this;
    const letters = this.letters();
    for (const [name, { input, usual }] of Object.entries(this.inputs)) {
      const at = usual.indexOf(sizes[name]);
      if (at >= 0) input.value = at;
      this.said[name].textContent =
        name === "queries"
          ? whole(letters.queries)
          : name === "side"
            ? `${sizes.side} × ${Math.floor((sizes.side * 4) / 3)}`
            : sizes[name];
      input.setAttribute("aria-valuetext", this.said[name].textContent);
    }
    this.inputs.queries.input.disabled = sizes.queries === 0;
    this.encoder.checked = sizes.queries === 0;
    const found = this.costs(sizes.queries);
    this.showVerdict(letters, found);
    this.showTable(found);
    this.showChart(letters, found);
  }

  showVerdict(letters, found) {
    const flip = letters.pixels / (letters.levels * letters.points);
    const valueFirst = found.value_first_cost <= found.sample_first_cost;
    const spread = (5 + 3 * letters.heads) * letters.levels * letters.points;
    this.verdict.replaceChildren(
      element(
        "strong",
        {},
        valueFirst
          ? say("canvas.equations.cost.value_first")
          : say("canvas.equations.cost.sample_first"),
      ),
      ` ${say("canvas.equations.cost.flip", {
        ratio: `${whole(letters.pixels)}/${letters.levels * letters.points}`,
        flip: whole(flip),
        queries: whole(letters.queries),
      })} `,
      say(`canvas.equations.cost.${spread < letters.channels ? "short" : "long"}`, {
        spread: whole(spread),
        channels: letters.channels,
      }),
    );
  }

  showTable(found) {
    const winner =
      found.value_first_cost <= found.sample_first_cost ? "value_first_cost" : "sample_first_cost";
    const rows = this.panel.terms.map(({ name, formula: text }) => {
      const inMin = name === "value_first_cost" || name === "sample_first_cost";
      return element(
        "tr",
        { "data-term": name, class: inMin && name !== winner ? "wt-loser" : "" },
        element("th", { scope: "row" }, formula(text)),
        element("td", {}, inMin ? (name === winner ? "min" : "") : ""),
        element("td", {}, whole(found[name])),
      );
    });
    const fresh = JSON.stringify(this.sizes) === this.counted.sizes;
    const same = fresh && this.counted.value === found.module;
    const row = (name, term, note, value) =>
      element(
        "tr",
        { class: "wt-sum", "data-term": term },
        element("th", { scope: "row" }, name),
        element("td", {}, note),
        element("td", {}, value),
      );
    this.table.replaceChildren(
      element("caption", {}, say("canvas.equations.cost.table")),
      element(
        "tbody",
        {},
        ...rows,
        row(say("canvas.equations.cost.whole"), "deformable_cost", "", whole(found.total)),
        row(say("canvas.equations.cost.module"), "module_cost", "", whole(found.module)),
        row(
          say("canvas.equations.cost.counted"),
          null,
          fresh ? (same ? "✓" : "≠") : "…",
          fresh ? whole(this.counted.value) : say("canvas.equations.cost.counting"),
        ),
        row(
          say("canvas.equations.cost.dense"),
          null,
          `× ${Number((found.dense / found.total).toPrecision(2))}`,
          whole(found.dense),
        ),
      ),
    );
  }

  showChart(letters, found) {
    const { width, height, left, right, top, bottom } = PLOT;
    const all = QUERIES.flatMap((queries) => Object.values(this.costs(queries)));
    const low = Math.floor(Math.log10(Math.min(...all.filter((value) => value > 0), 1e5)));
    const high = Math.ceil(Math.log10(Math.max(...all)));
    const x = (queries) =>
      left +
      ((width - left - right) * Math.log10(queries / QUERIES[0])) /
        Math.log10(QUERIES[1] / QUERIES[0]);
    const y = (cost) =>
      height - bottom - ((height - top - bottom) * (Math.log10(cost) - low)) / (high - low);
    const steps = Array.from({ length: 41 }, (_, at) => 10 ** (at / 8));
    const text = (px, py, words, attributes = {}) =>
      svgNode("text", { x: px, y: py, class: "wt-tick", ...attributes }, words);
    const parts = [];
    for (let decade = low; decade <= high; decade += 2) {
      parts.push(
        svgNode("line", {
          class: "wt-rule",
          x1: left,
          x2: width - right,
          y1: y(10 ** decade),
          y2: y(10 ** decade),
        }),
        text(left - 6, y(10 ** decade) + 3, short(10 ** decade), { "text-anchor": "end" }),
      );
    }
    for (const queries of [1, 10, 100, 1e3, 1e4, 1e5])
      parts.push(
        text(x(queries), height - bottom + 14, short(queries), { "text-anchor": "middle" }),
      );
    parts.push(
      text((left + width - right) / 2, height - 4, "queries", { "text-anchor": "middle" }),
    );
    for (const name of LINES) {
      const path = steps
        .map((queries) => `${x(queries)},${y(this.costs(queries)[name])}`)
        .join(" ");
      parts.push(
        svgNode("polyline", {
          class: `wt-curve wt-${name}`,
          points: path,
          "data-term": name === "total" ? "deformable_cost" : name,
        }),
      );
    }
    parts.push(...this.marks(letters, found, x, y));
    this.chart.setAttribute(
      "aria-label",
      say("canvas.equations.cost.spoken", {
        flip: whole(letters.pixels / (letters.levels * letters.points)),
      }),
    );
    this.chart.replaceChildren(...parts);
  }

  /** Where the two ways cross, and where the sliders stand. */
  marks(letters, found, x, y) {
    const flip = letters.pixels / (letters.levels * letters.points);
    const here = x(Math.min(letters.queries, QUERIES[1]));
    const cross = [x(Math.max(1, flip)), y(found.value_first_cost)];
    const right = cross[0] < 0.7 * PLOT.width;
    return [
      svgNode("line", {
        class: "wt-here",
        x1: here,
        x2: here,
        y1: PLOT.top,
        y2: PLOT.height - PLOT.bottom,
      }),
      svgNode("circle", { class: "wt-here-dot", cx: here, cy: y(found.total), r: 4.5 }),
      svgNode("circle", { class: "wt-flip", cx: cross[0], cy: cross[1], r: 5 }),
      svgNode(
        "text",
        {
          class: "wt-tick wt-flip-name",
          x: cross[0] + (right ? 8 : -8),
          y: cross[1] + 15,
          "text-anchor": right ? "start" : "end",
        },
        say("canvas.equations.cost.flip.mark", { flip: whole(flip) }),
      ),
    ];
  }

  legend() {
    return element(
      "p",
      { class: "wt-legend wt-key" },
      ...LINES.map((name) =>
        element(
          "span",
          {},
          element("i", { class: `wt-swatch wt-${name}` }),
          say(`canvas.equations.cost.line.${name}`),
        ),
      ),
      element(
        "span",
        {},
        element("i", { class: "wt-swatch wt-here" }),
        say("canvas.equations.cost.sliders"),
      ),
    );
  }
}
