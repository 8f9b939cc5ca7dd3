// A training that moves: a slider with a stop per kept iteration, and a button that plays them.
import { button, element, setText } from "../kit/elements.js";
import { say } from "../kit/words.js";

const STAYS_MS = 900; // at each iteration while it plays

export class Clock {
  /**
   * @param {Array<{ iteration: number }>} frames the earliest first; the last one is on show
   * @param {(frame: any) => void} show
   */
  constructor(frames, show) {
    this.frames = frames;
    this.show = show;
    this.timer = 0;
    this.input = element("input", {
      type: "range",
      min: 0,
      max: frames.length - 1,
      step: 1,
      "aria-label": say("lesson.clock.snapshot"),
      oninput: () => {
        this.close();
        this.seek(Number(this.input.value));
      },
    });
    this.output = element("output");
    this.play = button("", say("lesson.clock.play"), () => this.toggle());
    this.root = element("div", { class: "dl-clock" }, this.play, this.input, this.output);
    this.at = frames.length - 1;
    this.tell();
  }

  seek(at) {
    this.at = at;
    this.tell();
    this.show(this.frames[at]);
  }

  tell() {
    this.input.value = String(this.at);
    const words = say("lesson.clock.iteration", {
      iteration: this.frames[this.at].iteration.toLocaleString("en"),
    });
    this.input.setAttribute("aria-valuetext", words);
    setText(this.output, words);
    setText(this.play, say(this.timer ? "lesson.clock.pause" : "lesson.clock.play"));
  }

  /** Play from the start once the end is reached. */
  toggle() {
    if (this.timer) {
      this.stop();
      return;
    }
    this.timer = window.setInterval(() => this.forward(), STAYS_MS);
    this.seek(this.at === this.frames.length - 1 ? 0 : this.at);
  }

  forward() {
    if (this.at + 1 === this.frames.length - 1) this.close();
    this.seek(this.at + 1);
  }

  stop() {
    this.close();
    this.tell();
  }

  close() {
    window.clearInterval(this.timer);
    this.timer = 0;
  }
}
