// The clock: play, step, and a slider with one stop per snapshot.
import { button, element, setText } from "../kit/elements.js";

const SPEEDS = [0.5, 1, 2, 4];

export class Scrubber {
  constructor(replayer) {
    this.replayer = replayer;
    const step = (label, title, onclick) => button(label, title, onclick, { "aria-label": title });
    this.play = step("▶ Play", "Play the training (Space)", () => replayer.togglePlay());
    this.play.classList.add("dr-play");
    this.input = element("input", {
      type: "range",
      min: 0,
      step: 1,
      class: "dr-scrub",
      "aria-label": "Snapshot",
      oninput: (event) => replayer.scrub(Number(event.target.value), event),
    });
    this.output = element("output", { class: "dr-iteration" });
    this.speed = element(
      "select",
      {
        "aria-label": "Speed",
        title: "Speed",
        onchange: (event) => {
          replayer.speed = Number(event.target.value);
        },
      },
      ...SPEEDS.map((value) =>
        element("option", { value, ...(value === 1 ? { selected: true } : {}) }, `${value}×`),
      ),
    );
    this.root = element(
      "div",
      { class: "dr-clock", role: "group", "aria-label": "Training time" },
      this.play,
      step("◀", "Previous snapshot", (event) => replayer.seek(replayer.at - 1, event)),
      this.input,
      step("▶", "Next snapshot", (event) => replayer.seek(replayer.at + 1, event)),
      this.output,
      this.speed,
    );
    replayer.addEventListener("changed", () => this.update());
  }

  update() {
    const { replayer } = this;
    this.input.max = String(replayer.run.iterations.length - 1);
    this.input.value = String(replayer.at);
    const words = `iteration ${replayer.iteration.toLocaleString("en")}`;
    this.input.setAttribute("aria-valuetext", words);
    setText(this.output, replayer.waits ? `${words} · the next snapshot is on its way` : words);
    const playing = replayer.playing !== null;
    setText(this.play, playing ? "❚❚ Pause" : "▶ Play");
    this.play.setAttribute("aria-pressed", String(playing));
  }
}
