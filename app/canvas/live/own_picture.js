// A picture of the visitor's own: chosen, dropped or pasted, and read by this page alone.
import { element, labelled } from "../kit/elements.js";
import { say } from "../kit/words.js";
import { readPicture } from "./pixels.js";

export class OwnPicture {
  /** @param {{ changed: () => void, problem: (sentence: string) => void }} tell */
  constructor(tell) {
    this.tell = tell;
    this.picture = null;
    this.title = "";
    this.asked = 0;
    const input = element("input", {
      type: "file",
      accept: "image/*",
      onchange: () => this.take(input.files[0]),
    });
    this.preview = element("div", { class: "lv-preview" });
    this.root = element(
      "div",
      {
        class: "lv-own",
        ondragover: (event) => event.preventDefault(),
        ondrop: (event) => {
          event.preventDefault();
          this.take(event.dataTransfer.files[0]);
        },
      },
      labelled(say("live.own.choose"), input),
      element("p", { class: "dv-quiet" }, say("live.own.how")),
      this.preview,
    );
  }

  /** Read a file; one that cannot be read is said, and what was there stays. */
  async take(file) {
    if (!file) return;
    const asked = ++this.asked;
    try {
      const picture = await readPicture(file);
      if (asked !== this.asked) return;
      this.picture = picture;
      this.title = file.name;
      this.preview.replaceChildren(picture);
      picture.alt = file.name;
      this.tell.changed();
    } catch (problem) {
      if (asked === this.asked) this.tell.problem(problem.message);
    }
  }
}
