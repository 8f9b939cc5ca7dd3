// Which colour is which head, which heads share a grid, and what amounts the colours of a map mean.
import { button, element, setPressed, setText } from "../kit/elements.js";
import { glyph } from "../kit/signs.js";
import { countTo } from "../kit/view.js";
import { say } from "../kit/words.js";

export class GridLegend {
  constructor(explorer) {
    this.explorer = explorer;
    this.groups = element("div", {
      class: "dv-grid-groups",
      role: "group",
      "aria-label": say("canvas.grid.legend.label"),
    });
    this.signs = element(
      "div",
      { class: "dv-signs" },
      say("canvas.grid.legend.area"),
      element(
        "span",
        {},
        element("b", { class: "dv-sign", "aria-hidden": "true" }, "✛"),
        ` ${say("canvas.grid.legend.query")}`,
      ),
      element(
        "span",
        {},
        element("b", { class: "dv-sign", "aria-hidden": "true" }, "⇢"),
        ` ${say("canvas.grid.legend.arrow")}`,
      ),
    );
    this.chips = new Map(); // by head
    this.low = element("span");
    this.high = element("span");
    this.ramp = element("span", { class: "dv-ramp", "aria-hidden": "true" });
    const bar = [
      element("span", {}, say("canvas.grid.legend.bias")),
      this.low,
      this.ramp,
      this.high,
    ];
    this.scale = element("div", { class: "dv-scale" }, element("div", { class: "dv-bar" }, ...bar));
    this.root = element("div", { class: "dv-legend" }, this.groups, this.signs);
    explorer.addEventListener("changed", () => this.update());
    explorer.addEventListener("drawn", ({ detail }) => this.updateScale(detail));
  }

  update() {
    const { layer, view } = this.explorer;
    const { groups, heads } = layer.header;
    if (this.shape !== `${groups} ${heads}`) this.build(layer);
    this.shape = `${groups} ${heads}`;
    for (const [head, chip] of this.chips) setPressed(chip, view.heads.includes(head));
  }

  build(layer) {
    this.chips.clear();
    this.groups.replaceChildren(
      ...countTo(layer.header.groups).map((group) => this.groupRow(layer, group)),
    );
  }

  groupRow(layer, group) {
    const { explorer } = this;
    const { heads: colours } = explorer.palette;
    const heads = layer.headsOf(group);
    const name = button(
      say("canvas.grid.legend.group", { group }),
      say("canvas.grid.legend.group.title", { group }),
      () => explorer.showHeads(heads),
      { class: "dv-button dv-group-name" },
    );
    for (const head of heads) {
      const title = say("canvas.kit.chip.head", { head });
      const chip = element(
        "button",
        {
          type: "button",
          class: "dv-chip",
          "data-index": head,
          title,
          onclick: (event) => explorer.toggle("heads", head, event.shiftKey),
        },
        glyph("circle", colours[head % colours.length]),
        `h${head}`,
      );
      this.chips.set(head, chip);
    }
    const chips = heads.map((head) => this.chips.get(head));
    return element("div", { class: "dv-chips" }, name, ...chips);
  }

  updateScale({ bias, palette }) {
    this.scale.hidden = !bias;
    if (!bias) return;
    this.ramp.style.background = `linear-gradient(to right, ${palette.sequential.join(", ")})`;
    setText(this.low, bias.low.toFixed(2));
    setText(this.high, bias.high.toFixed(2));
  }
}
