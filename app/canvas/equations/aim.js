// Choosing the query on the picture: a cell of the encoder's maps, or the box of a detection.
import { cellOfQuery, cellUnder, neighbourCell, queryOfCell } from "../kit/cells.js";
import { button, element } from "../kit/elements.js";
import { svgMark } from "../kit/paint_svg.js";
import { say } from "../kit/words.js";
import { askingCellMark, askingCells } from "./marks.js";

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Aim {
  /** @param {import("./picture.js").Picture} picture */
  constructor(picture) {
    this.picture = picture;
    this.cells = askingCells(picture.data); // null in a decoder
    this.pointed = null; // the node around the cell under the pointer
    const { svg } = picture;
    svg.addEventListener("keydown", (event) => this.press(event));
    if (!this.cells) return;
    svg.classList.add("wt-aiming");
    svg.addEventListener("pointermove", (event) => this.hover(event));
    svg.addEventListener("pointerleave", () => this.hide());
    svg.addEventListener("click", (event) => this.click(event));
    if (this.cells.levels.length > 1) picture.root.append(this.levels());
  }

  /**
   * The query of the cell of a level at a place in shares of the padded picture.
   * @param {number[]} place
   */
  queryAt(level, place) {
    const [x, y] = place;
    const { row, column } = cellUnder(this.cells, level, x, y);
    return queryOfCell(this.cells, level, row, column);
  }

  /** The query under the pointer, on the level that asks now. */
  queryUnder(event) {
    const { picture } = this;
    const { level } = cellOfQuery(this.cells, picture.data.query);
    return this.queryAt(level, picture.share(picture.place(event)));
  }

  hover(event) {
    this.hide();
    if (event.target.closest(".wt-sample")) return;
    const mark = askingCellMark(this.picture.data, this.queryUnder(event), "wt-aim");
    [this.pointed] = svgMark(mark);
    this.picture.above.append(this.pointed);
  }

  hide() {
    this.pointed?.remove();
    this.pointed = null;
  }

  click(event) {
    if (!event.target.closest(".wt-sample")) this.picture.page.ask(this.queryUnder(event));
  }

  /** Buttons for the map whose cells are pointed at. */
  levels() {
    const { data, page } = this.picture;
    const here = cellOfQuery(this.cells, data.query);
    const [height, width] = this.cells.levels[here.level];
    const middle = [(here.column + 0.5) / width, (here.row + 0.5) / height];
    const buttons = this.cells.levels.map(([rows, columns], level) =>
      button(
        String(level),
        say("canvas.equations.cells", { level, rows, columns }),
        () => page.ask(this.queryAt(level, middle)),
        { class: undefined, "aria-pressed": String(level === here.level) },
      ),
    );
    return element(
      "div",
      { class: "wt-levels", role: "group", "aria-label": say("canvas.equations.level") },
      element("span", {}, say("canvas.equations.level.title")),
      ...buttons,
    );
  }

  /** Arrows on the picture: the neighbouring cell, or the next detection. */
  press(event) {
    const step = STEPS[event.key];
    if (!step || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
    const { query } = this.picture.data;
    const next = this.cells
      ? neighbourCell(this.cells, query, step[0], step[1])
      : this.detection(step[0] + step[1]);
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    this.picture.page.ask(next);
  }

  detection(by) {
    const choices = this.picture.data.boxes.map(({ query }) => query);
    if (!choices.length) return null;
    const at = choices.indexOf(this.picture.data.query);
    return at < 0 ? choices[0] : choices[(at + by + choices.length) % choices.length];
  }
}
