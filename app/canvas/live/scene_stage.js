// The stage of a scene under hand and keys: what is chosen, moved, scaled and turned there.
import { element } from "../kit/elements.js";
import { brush, canvasOf } from "./pixels.js";
import { covers, fromFrame, inFrame, paintScene, placeOf } from "./scene.js";

const REACH = 16; // px of the stage around a handle
const KNOB = 26; // px from the edge of a thing to the knob that turns it
const STEP = 0.01; // of a key press, a share of the stage
const BIG_STEP = 0.05;
const TURN = 5; // degrees
const GROW = 1.06;

export class SceneStage {
  /**
   * @param {number[]} hw
   * @param {(name: string) => HTMLImageElement} pictureOf
   * @param {{ chosen: (index: number) => void, changed: (patch: any) => void,
   *   removed: () => void }} tell
   */
  constructor(hw, pictureOf, tell) {
    this.hw = hw;
    this.pictureOf = pictureOf;
    this.tell = tell;
    /** @type {import("./scene.js").Scene | null} */
    this.scene = null;
    this.chosen = -1;
    this.hold = null; // what a pointer has taken: mode, point, thing and its place
    this.picture = canvasOf(hw);
    this.marks = canvasOf(hw);
    this.picture.setAttribute("aria-hidden", "true");
    this.marks.setAttribute("aria-hidden", "true");
    this.root = element(
      "div",
      { class: "lv-stage", tabindex: "0", role: "application" },
      this.picture,
      this.marks,
    );
    const { root } = this;
    root.addEventListener("pointerdown", (event) => this.take(event));
    root.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"])
      root.addEventListener(name, () => (this.hold = null));
    root.addEventListener("keydown", (event) => this.press(event));
  }

  /** Paint a scene whose pictures are here. */
  show(scene, chosen) {
    this.scene = scene;
    this.chosen = chosen;
    paintScene(brush(this.picture), scene, this.pictureOf, this.hw);
    this.paintMarks();
  }

  placeAt(index) {
    const thing = this.scene.things[index];
    return thing && placeOf(thing, this.pictureOf(thing.name), this.hw);
  }

  handles(place) {
    return {
      size: fromFrame(place, [place.halfX, place.halfY]),
      turn: fromFrame(place, [0, -place.halfY - KNOB]),
    };
  }

  paintMarks() {
    const to = this.marks.getContext("2d");
    to.clearRect(0, 0, this.marks.width, this.marks.height);
    const place = this.placeAt(this.chosen);
    if (!place) return;
    const corners = [
      [-1, -1],
      [1, -1],
      [1, 1],
      [-1, 1],
    ].map(([x, y]) => fromFrame(place, [x * place.halfX, y * place.halfY]));
    const { size, turn } = this.handles(place);
    const top = fromFrame(place, [0, -place.halfY]);
    for (const [colour, width] of /** @type {[string, number][]} */ ([
      ["#ffffff", 4],
      ["#0b62c4", 2],
    ])) {
      Object.assign(to, { strokeStyle: colour, lineWidth: width, fillStyle: "#ffffff" });
      to.beginPath();
      corners.forEach(([x, y], at) => (at ? to.lineTo(x, y) : to.moveTo(x, y)));
      to.closePath();
      to.moveTo(...top);
      to.lineTo(...turn);
      to.stroke();
      for (const [x, y] of [size, turn]) {
        to.beginPath();
        to.arc(x, y, 7, 0, 2 * Math.PI);
        to.fill();
        to.stroke();
      }
    }
  }

  /** @returns {[number, number]} */
  pointOf(event) {
    const box = this.root.getBoundingClientRect();
    const [height, width] = this.hw;
    return [
      ((event.clientX - box.left) * width) / box.width,
      ((event.clientY - box.top) * height) / box.height,
    ];
  }

  take(event) {
    if (!this.scene || event.button) return;
    const point = this.pointOf(event);
    const mode = this.handleAt(point);
    if (!mode) {
      const over = this.scene.things.findLastIndex((_, at) => covers(this.placeAt(at), point));
      this.tell.chosen(over);
      if (over < 0) return;
    }
    event.preventDefault();
    this.root.focus({ preventScroll: true });
    this.root.setPointerCapture(event.pointerId);
    const thing = this.scene.things[this.chosen];
    const place = this.placeAt(this.chosen);
    this.hold = { mode: mode || "move", point, thing, place };
  }

  handleAt([x, y]) {
    const place = this.placeAt(this.chosen);
    if (!place) return "";
    const near = ([, [atX, atY]]) => Math.hypot(atX - x, atY - y) < REACH;
    return Object.entries(this.handles(place)).find(near)?.[0] ?? "";
  }

  drag(event) {
    if (!this.hold) return;
    const { mode, point, thing, place } = this.hold;
    const [x, y] = this.pointOf(event);
    const [height, width] = this.hw;
    if (mode === "move") {
      const [dx, dy] = [(x - point[0]) / width, (y - point[1]) / height];
      this.tell.changed({ x: thing.x + dx, y: thing.y + dy });
    } else if (mode === "size") {
      const [right, below] = inFrame(place, [x, y]);
      const grown = Math.hypot(right, below) / Math.hypot(place.halfX, place.halfY);
      this.tell.changed({ size: thing.size * grown });
    } else {
      const up = Math.atan2(x - place.x, place.y - y);
      this.tell.changed({ turn: (up * 180) / Math.PI });
    }
  }

  press(event) {
    const thing = this.scene?.things[this.chosen];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? BIG_STEP : STEP;
    const patches = {
      ArrowLeft: () => ({ x: thing.x - step }),
      ArrowRight: () => ({ x: thing.x + step }),
      ArrowUp: () => ({ y: thing.y - step }),
      ArrowDown: () => ({ y: thing.y + step }),
      "+": () => ({ size: thing.size * GROW }),
      "-": () => ({ size: thing.size / GROW }),
      "[": () => ({ turn: thing.turn - TURN }),
      "]": () => ({ turn: thing.turn + TURN }),
    };
    const next = { n: 1, p: -1 }[event.key];
    if (next && this.scene?.things.length) {
      const count = this.scene.things.length;
      this.tell.chosen((this.chosen + next + count) % count);
    } else if (thing && patches[event.key]) this.tell.changed(patches[event.key]());
    else if (thing && ["Delete", "Backspace"].includes(event.key)) this.tell.removed();
    else return;
    event.preventDefault();
  }
}
