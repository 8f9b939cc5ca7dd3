// The accessible twin of the picture: the points of the chosen query as a sortable table.
import { element } from "../kit/elements.js";
import { glyph } from "../kit/signs.js";
import { say } from "../kit/words.js";
import { COLUMNS, sampleFacts } from "./sample_facts.js";

export class PointsTable {
  constructor(explorer) {
    this.explorer = explorer;
    this.sort = { column: 3, descending: true };
    this.body = element("tbody");
    this.heads = COLUMNS.map(({ name }, column) =>
      element(
        "th",
        { scope: "col" },
        element("button", { type: "button", onclick: () => this.sortBy(column) }, name),
      ),
    );
    this.caption = element("caption");
    this.summary = element("summary", {}, say("canvas.sampling.table.open"));
    this.root = element(
      "details",
      { class: "dv-table" },
      this.summary,
      element(
        "div",
        {
          class: "dv-table-scroll",
          tabindex: "0",
          role: "region",
          "aria-label": say("canvas.sampling.table.label"),
        },
        element(
          "table",
          {},
          this.caption,
          element("thead", {}, element("tr", {}, ...this.heads)),
          this.body,
        ),
      ),
    );
    this.root.addEventListener("toggle", () => this.update());
    explorer.addEventListener("changed", () => this.update());
  }

  sortBy(column) {
    const descending = this.sort.column === column ? !this.sort.descending : column === 3;
    this.sort = { column, descending };
    this.update();
  }

  update() {
    const { explorer } = this;
    if (!this.root.open || !explorer.layer) return;
    const { layer, view } = explorer;
    const rows = layer.strongest(view.query, view).map((sample) => sampleFacts(layer, sample));
    const { value } = COLUMNS[this.sort.column];
    rows.sort(
      (a, b) =>
        (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (this.sort.descending ? -1 : 1),
    );
    this.heads.forEach((head, column) => {
      const order = this.sort.descending ? "descending" : "ascending";
      head.setAttribute("aria-sort", column === this.sort.column ? order : "none");
    });
    this.caption.textContent = say("canvas.sampling.table.caption", {
      count: rows.length,
      query: view.query,
      layer: layer.header.layer,
    });
    this.body.replaceChildren(...rows.map((facts) => this.row(facts)));
  }

  row(facts) {
    const { palette } = this.explorer;
    const cells = COLUMNS.map(({ value, digits }) =>
      element("td", {}, digits ? value(facts).toFixed(digits) : String(value(facts))),
    );
    cells[0].prepend(
      glyph(
        palette.marks[facts.level % palette.marks.length],
        palette.heads[facts.head % palette.heads.length],
        13,
      ),
      " ",
    );
    return element(
      "tr",
      {
        onpointerenter: () => this.explorer.setFocus(facts),
        onclick: () => this.explorer.setFocus(facts),
      },
      ...cells,
    );
  }
}
