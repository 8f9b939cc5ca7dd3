// The clock: play, step, and a slider with one stop per snapshot.
import { button, element, setText } from "../kit/elements.js";
import { say } from "../kit/words.js";

const SPEEDS = [0.5, 1, 2, 4];

export class Scrubber {
  constructor(replayer) {
    this.replayer = replayer;
    const step = (label, title, onclick) => button(label, title, onclick, { "aria-label": title });
    this.play = step(say("canvas.replay.play"), say("canvas.replay.play.title"), () =>
      replayer.togglePlay(),
    );
    this.play.classList.add("dr-play");
    this.input = element("input", {
      type: "range",
      min: 0,
      step: 1,
      class: "dr-scrub",
      "aria-label": say("canvas.replay.snapshot"),
      oninput: (event) => replayer.scrub(Number(event.target.value), event),
    });
    this.output = element("output", { class: "dr-iteration" });
    this.speed = element(
      "select",
      {
        "aria-label": say("canvas.replay.speed"),
        title: say("canvas.replay.speed"),
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
      { class: "dr-clock", role: "group", "aria-label": say("canvas.replay.clock") },
      this.play,
      step("◀", say("canvas.replay.previous"), (event) => replayer.seek(replayer.at - 1, event)),
      this.input,
      step("▶", say("canvas.replay.next"), (event) => replayer.seek(replayer.at + 1, event)),
      this.output,
      this.speed,
    );
    replayer.addEventListener("changed", () => this.update());
  }

  update() {
    const { replayer } = this;
    this.input.max = String(replayer.run.iterations.length - 1);
    this.input.value = String(replayer.at);
    const words = say("canvas.replay.iteration", {
      iteration: replayer.iteration.toLocaleString("en"),
    });
    this.input.setAttribute("aria-valuetext", words);
    setText(this.output, replayer.waits ? say("canvas.replay.waits", { words }) : words);
    const playing = replayer.playing !== null;
    setText(this.play, playing ? say("canvas.replay.pause") : say("canvas.replay.play"));
    this.play.setAttribute("aria-pressed", String(playing));
  }
}
