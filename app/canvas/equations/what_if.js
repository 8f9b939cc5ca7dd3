// What if: sliders that change one layer for one query; the model answers while they move.
import { element, focusedIn } from "../kit/elements.js";
import { say } from "../kit/words.js";

const TELL_MS = 200;
const REST = {
  offset_scale: 1,
  sharpness: 1,
  dropped_heads: [],
  dropped_levels: [],
  reference_shift_xy: [0, 0],
};
const SLIDERS = [
  {
    name: "offset_scale",
    title: "canvas.equations.what_if.offset_scale",
    min: -1,
    max: 3,
    step: 0.1,
  },
  { name: "sharpness", title: "canvas.equations.what_if.sharpness", min: 0, max: 8, step: 0.25 },
  {
    name: "reference_shift_xy",
    axis: 0,
    title: "canvas.equations.what_if.reference_x",
    min: -0.5,
    max: 0.5,
    step: 0.02,
  },
  {
    name: "reference_shift_xy",
    axis: 1,
    title: "canvas.equations.what_if.reference_y",
    min: -0.5,
    max: 0.5,
    step: 0.02,
  },
];

export class WhatIf {
  constructor(page) {
    this.page = page;
    this.rows = SLIDERS.map((slider) => this.row(slider));
    this.without = {
      dropped_heads: element("div", {
        class: "wt-levels",
        role: "group",
        "aria-label": say("canvas.equations.what_if.heads.label"),
      }),
      dropped_levels: element("div", {
        class: "wt-levels",
        role: "group",
        "aria-label": say("canvas.equations.what_if.levels.label"),
      }),
    };
    this.back = element(
      "button",
      { type: "button", class: "wt-back" },
      say("canvas.equations.what_if.back"),
    );
    this.back.addEventListener("click", () => this.page.tell("change", { sliders: null }));
    this.root = element(
      "details",
      { class: "wt-what-if", open: window.innerWidth > 700 && "open" },
      element("summary", {}, say("canvas.equations.what_if.title")),
      element("p", { class: "wt-quiet" }, say("canvas.equations.what_if.hint")),
      element("div", { class: "wt-sliders" }, ...this.rows.map(({ label }) => label)),
      ...Object.values(this.without),
      this.back,
    );
  }

  row(slider) {
    const input = element("input", {
      type: "range",
      min: slider.min,
      max: slider.max,
      step: slider.step,
      name: `${slider.name}${slider.axis ?? ""}`,
    });
    const output = element("output");
    input.addEventListener("input", () => this.set(slider, Number(input.value)));
    input.addEventListener("change", () => this.tell());
    return {
      ...slider,
      input,
      output,
      label: element("label", {}, element("span", {}, say(slider.title)), input, output),
    };
  }

  /** Called with every lesson; a slider in somebody's hand is left alone. */
  update(lesson) {
    const { moved, ...sliders } = lesson.what_if;
    if (!this.root.querySelector("input:active")) this.change = sliders;
    this.sizes = lesson.sizes;
    this.show();
    const rests = !moved.length && JSON.stringify({ ...REST, ...sliders }) === JSON.stringify(REST);
    this.back.disabled = rests;
  }

  show() {
    for (const { name, axis, input, output } of this.rows) {
      const value = axis === undefined ? this.change[name] : this.change[name][axis];
      input.value = value;
      output.textContent = Number(value).toFixed(2);
    }
    this.toggles("dropped_heads", say("canvas.equations.what_if.heads"), this.sizes[0]);
    this.toggles("dropped_levels", say("canvas.equations.what_if.levels"), this.sizes[1]);
  }

  toggles(name, title, count) {
    const buttons = Array.from({ length: count }, (_, index) => {
      const out = this.change[name].includes(index);
      const button = element(
        "button",
        { type: "button", "aria-pressed": String(out) },
        String(index),
      );
      button.addEventListener("click", () => {
        const rest = this.change[name].filter((one) => one !== index);
        this.change = { ...this.change, [name]: out ? rest : [...rest, index] };
        this.show();
        this.tell();
        this.without[name].children[index + 1].focus();
      });
      return button;
    });
    const focused = [...this.without[name].children].indexOf(focusedIn(this.root));
    this.without[name].replaceChildren(element("span", {}, title), ...buttons);
    if (focused > 0) this.without[name].children[focused]?.focus();
  }

  set({ name, axis }, value) {
    const wanted =
      axis === undefined ? value : this.change[name].map((old, at) => (at === axis ? value : old));
    this.change = { ...this.change, [name]: wanted };
    this.show();
    if (performance.now() - (this.told ?? 0) > TELL_MS) this.tell();
  }

  tell() {
    this.told = performance.now();
    this.page.tell("change", { sliders: this.change });
  }
}
