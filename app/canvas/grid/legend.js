// Which colour is which head, which heads share a grid, and what amounts the colours of a map mean.
import { button, element, setText } from "../kit/elements.js";
import { glyph } from "../kit/signs.js";
import { countTo } from "../kit/view.js";

export class GridLegend {
  constructor(explorer) {
    this.explorer = explorer;
    this.groups = element("div", {
      class: "dv-grid-groups",
      role: "group",
      "aria-label": "Groups and heads",
    });
    this.signs = element(
      "div",
      { class: "dv-signs" },
      "area = attention",
      element("span", {}, element("b", { class: "dv-sign", "aria-hidden": "true" }, "✛"), " query"),
      element(
        "span",
        {},
        element("b", { class: "dv-sign", "aria-hidden": "true" }, "⇢"),
        " from the regular grid",
      ),
    );
    this.scale = element("div", { class: "dv-scale" });
    this.root = element("div", { class: "dv-legend" }, this.groups, this.signs);
    explorer.addEventListener("changed", () => this.update());
    explorer.addEventListener("drawn", ({ detail }) => this.updateScale(detail));
  }

  update() {
    const { layer, view } = this.explorer;
    const { groups, heads } = layer.header;
    if (this.shape !== `${groups} ${heads}`) this.build(layer);
    this.shape = `${groups} ${heads}`;
    for (const chip of this.groups.querySelectorAll(".dv-chip")) {
      chip.setAttribute("aria-pressed", String(view.heads.includes(Number(chip.dataset.index))));
    }
  }

  build(layer) {
    const { explorer } = this;
    const { heads: colours } = explorer.palette;
    this.groups.replaceChildren(
      ...countTo(layer.header.groups).map((group) =>
        element(
          "div",
          { class: "dv-chips" },
          button(
            `grid ${group}`,
            `Show only the grid of group ${group} (key G: the next one)`,
            () => explorer.showHeads(layer.headsOf(group)),
            { class: "dv-button dv-group-name" },
          ),
          ...layer.headsOf(group).map((head) =>
            element(
              "button",
              {
                type: "button",
                class: "dv-chip",
                "data-index": head,
                title: `Head ${head}: click to hide or show, Shift-click for only this one`,
                onclick: (event) => explorer.toggle("heads", head, event.shiftKey),
              },
              glyph("circle", colours[head % colours.length]),
              `h${head}`,
            ),
          ),
        ),
      ),
    );
  }

  updateScale({ bias, palette }) {
    this.scale.hidden = !bias;
    if (!bias) return;
    if (!this.ramp) {
      this.ramp = element("span", { class: "dv-ramp", "aria-hidden": "true" });
      this.ramp.style.background = `linear-gradient(to right, ${palette.sequential.join(", ")})`;
      [this.low, this.high] = [element("span"), element("span")];
      this.scale.append(
        element(
          "div",
          { class: "dv-bar" },
          element("span", {}, "position bias"),
          this.low,
          this.ramp,
          this.high,
        ),
      );
    }
    setText(this.low, bias.low.toFixed(2));
    setText(this.high, bias.high.toFixed(2));
  }
}
