// A small picture for every head of every layer, of the query that the large picture shows.
import { button, element, setPressed, setText, toggleButton } from "../kit/elements.js";
import { stageAspect } from "../kit/frames.js";
import { fetchTrace } from "../kit/packed.js";
import { loadPicture } from "../kit/page.js";
import { paintOnCanvas } from "../kit/paint.js";
import { firstOf, leadWithFirst, listenToPair } from "../kit/pair.js";
import { sameQuery } from "../kit/same_query.js";
import { countTo } from "../kit/view.js";
import { say } from "../kit/words.js";
import { decodeEither } from "./decode.js";
import { reachOf } from "./reads.js";
import { thumbMarks } from "./thumb.js";

const WIDTH = 120; // CSS pixels of a small picture as it is drawn; it shrinks with the page
const DRAW_AFTER_MS = 60;

export class HeadMap {
  /**
   * @param {any} data `layers` [{ name, title, url }], `picture_url`, `palette`, `pair`, `average`
   * @param {(name: string, value: any) => void} tell
   */
  constructor(data, tell) {
    this.data = data;
    this.tell = tell;
    this.average = false;
    this.given = false; // what the page said of it last
    this.picture = null;
    this.rows = []; // { name, title, layer, cells: [{ head, root, canvas }] }
    this.wanted = "";
    this.drawn = "";
    this.timer = null;
    this.choices = ["query", "average"].map((name) =>
      toggleButton(say(`canvas.heads.of.${name}`), {
        title: say(`canvas.heads.of.${name}.title`),
        onclick: () => {
          this.showAverage(name === "average");
          this.tell("average", this.average);
        },
      }),
    );
    this.status = element("div", { class: "dh-status", role: "status" });
    this.table = element("div", { class: "dh-table" });
    const scroll = { class: "dh-scroll", tabindex: "0", role: "region" };
    this.root = element(
      "div",
      { class: "dv" },
      element("div", { class: "dv-toolbar" }, ...this.choices, this.status),
      element("div", { ...scroll, "aria-label": say("canvas.heads.name") }, this.table),
    );
    this.leave = listenToPair(data.pair, () => this.drawSoon());
    this.showAverage(false);
  }

  async update(data) {
    this.data = data;
    if (Boolean(data.average) !== this.given) {
      this.given = Boolean(data.average);
      this.showAverage(this.given);
    }
    const wanted = JSON.stringify([data.layers, data.picture_url]);
    if (wanted !== this.wanted) {
      this.wanted = wanted;
      await this.load(wanted);
    }
    this.drawSoon();
  }

  /** Layers one after the other; each is shown as it comes. */
  async load(wanted) {
    const { layers, picture_url: address } = this.data;
    this.rows = [];
    this.table.replaceChildren();
    try {
      this.picture = await loadPicture(address);
      for (const [index, { name, title, url }] of layers.entries()) {
        setText(this.status, say("canvas.kit.loading", { done: index, all: layers.length }));
        const layer = await fetchTrace(url, decodeEither);
        if (wanted !== this.wanted) return;
        this.addRow(name, title, layer);
        this.draw(true);
      }
      setText(this.status, say("canvas.heads.how"));
    } catch (error) {
      if (wanted !== this.wanted) return;
      this.wanted = "";
      setText(this.status, error.message);
    }
  }

  addRow(name, title, layer) {
    const height = Math.round(WIDTH / stageAspect(layer.header, false));
    const cells = countTo(layer.header.heads).map((head) => {
      const canvas = element("canvas", { width: 2 * WIDTH, height: 2 * height });
      const root = button("", undefined, () => this.goTo(name, head), { class: "dh-cell" });
      root.append(canvas, element("span", { "aria-hidden": "true" }, String(head)));
      return { head, root, canvas };
    });
    const row = element(
      "div",
      { class: "dh-row" },
      element("div", { class: "dh-title" }, title),
      element("div", { class: "dh-cells" }, ...cells.map(({ root }) => root)),
    );
    this.table.append(row);
    this.rows.push({ name, title, layer, height, cells });
  }

  showAverage(average) {
    this.average = average;
    setPressed(this.choices[0], !average);
    setPressed(this.choices[1], average);
    this.drawSoon();
  }

  drawSoon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.draw();
    }, DRAW_AFTER_MS);
  }

  /** Draw every small picture whose query is another one than before. */
  draw(anyway = false) {
    const first = firstOf(this.data.pair);
    if (!first?.layer || !first.view) return;
    for (const row of this.rows) {
      const query = this.average
        ? null
        : sameQuery(first.layer, first.query, row.layer, true).query;
      const isNew = anyway || row.query !== query;
      row.query = query;
      for (const cell of row.cells) {
        if (isNew) this.drawCell(row, cell);
        const here = row.name === first.layer.header.layer;
        const only = first.view.heads?.length === 1 && first.view.heads[0] === cell.head;
        cell.root.classList.toggle("dh-here", here && only);
      }
    }
  }

  drawCell({ layer, title, height, query }, { head, root, canvas }) {
    const { palette } = this.data;
    const context = canvas.getContext("2d");
    context.setTransform(2, 0, 0, 2, 0, 0);
    const scene = { layer, head, query, picture: this.picture, palette, width: WIDTH, height };
    paintOnCanvas(context, thumbMarks(scene));
    const reach = query === null ? "" : reachOf(layer, head, query).toFixed(0);
    const key = query === null ? "canvas.heads.cell.average" : "canvas.heads.cell";
    const words = say(key, { layer: title, head, reach });
    root.title = words;
    root.setAttribute("aria-label", words);
  }

  /** Show this layer in the large picture, and of it this head alone. */
  goTo(name, head) {
    const first = firstOf(this.data.pair);
    if (!first) return;
    leadWithFirst(this.data.pair);
    if ("levels" in first.view) {
      const levels = this.rows.find((row) => row.name === name).layer.levels.length;
      first.setView({ heads: [head], levels: countTo(levels), top: 0 });
    }
    if (first.layer.header.layer !== name) this.tell("layer", name);
    else first.stage.root.scrollIntoView({ block: "nearest" });
    this.draw();
  }

  close() {
    this.wanted = "";
    clearTimeout(this.timer);
    this.leave();
  }
}
