// Choosing the query on the picture: a cell of the encoder's maps, or the box of a detection.
import { draw, make } from "./make.js";

const clamp = (value, size) => Math.min(size - 1, Math.max(0, value));

export class Aim {
  /** `data.cells_hw` are the maps whose cells ask, [[height, width], ..]; null in a decoder. */
  constructor(picture) {
    this.picture = picture;
    this.maps = picture.data.cells_hw;
    const { svg } = picture;
    svg.addEventListener("keydown", (event) => this.press(event));
    if (!this.maps) return;
    svg.classList.add("wt-aiming");
    svg.addEventListener("pointermove", (event) => this.hover(event));
    svg.addEventListener("pointerleave", () => this.hide());
    svg.addEventListener("click", (event) => this.click(event));
    if (this.maps.length > 1) picture.root.append(this.levels());
  }

  /** Level, row and column of a query. */
  cellOf(query) {
    let first = 0;
    for (const [level, [height, width]] of this.maps.entries()) {
      const at = query - first;
      if (at < height * width) return { level, row: Math.floor(at / width), column: at % width };
      first += height * width;
    }
    return this.cellOf(0);
  }

  queryOf({ level, row, column }) {
    const before = this.maps
      .slice(0, level)
      .reduce((sum, [height, width]) => sum + height * width, 0);
    return before + row * this.maps[level][1] + column;
  }

  /** The cell of a level at a place in shares of the padded picture; the nearest one from outside. */
  cellAt(level, [x, y]) {
    const [height, width] = this.maps[level];
    return {
      level,
      row: clamp(Math.floor(y * height), height),
      column: clamp(Math.floor(x * width), width),
    };
  }

  /** The asking cell, and one that follows the pointer. */
  marks() {
    if (!this.maps) return [];
    this.here = this.cellOf(this.picture.data.query);
    this.pointed = draw("rect", { class: "wt-aim", visibility: "hidden" });
    const asks = draw("rect", { class: "wt-asks" });
    this.fit(asks, this.here);
    return [asks, this.pointed];
  }

  fit(rectangle, { level, row, column }) {
    const [height, width] = this.maps[level];
    const [scaleX, shiftX, scaleY, shiftY] = this.picture.data.affine;
    const values = {
      x: (column / width) * scaleX + shiftX,
      y: (row / height) * scaleY + shiftY,
      width: scaleX / width,
      height: scaleY / height,
    };
    for (const [name, value] of Object.entries(values)) rectangle.setAttribute(name, value);
  }

  cellUnder(event) {
    return this.cellAt(this.here.level, this.picture.share(this.picture.place(event)));
  }

  hover(event) {
    this.pointed.setAttribute(
      "visibility",
      event.target.closest(".wt-sample") ? "hidden" : "visible",
    );
    this.fit(this.pointed, this.cellUnder(event));
  }

  hide() {
    this.pointed.setAttribute("visibility", "hidden");
  }

  click(event) {
    if (!event.target.closest(".wt-sample"))
      this.picture.page.ask(this.queryOf(this.cellUnder(event)));
  }

  /** Buttons for the map whose cells are pointed at. */
  levels() {
    const { data, page } = this.picture;
    const here = this.cellOf(data.query);
    const [height, width] = this.maps[here.level];
    const middle = [(here.column + 0.5) / width, (here.row + 0.5) / height];
    const buttons = this.maps.map(([rows, columns], level) => {
      const button = make(
        "button",
        {
          type: "button",
          "aria-pressed": String(level === here.level),
          title: `cells of level ${level}: ${rows} × ${columns}`,
        },
        String(level),
      );
      button.addEventListener("click", () => page.ask(this.queryOf(this.cellAt(level, middle))));
      return button;
    });
    return make(
      "div",
      { class: "wt-levels", role: "group", "aria-label": "Level of the asking cell" },
      make("span", {}, "Click a cell to let it ask; cells of level"),
      ...buttons,
    );
  }

  /** Arrows on the picture: the neighbouring cell, or the next detection. */
  press(event) {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[
      event.key
    ];
    if (!step || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = this.maps ? this.neighbour(step) : this.detection(step[0] + step[1]);
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    this.picture.page.ask(next);
  }

  neighbour([down, right]) {
    const { level, row, column } = this.cellOf(this.picture.data.query);
    const [height, width] = this.maps[level];
    return this.queryOf({
      level,
      row: clamp(row + down, height),
      column: clamp(column + right, width),
    });
  }

  detection(by) {
    const choices = this.picture.data.boxes.map(({ query }) => query);
    if (!choices.length) return null;
    const at = choices.indexOf(this.picture.data.query);
    return at < 0 ? choices[0] : choices[(at + by + choices.length) % choices.length];
  }
}
