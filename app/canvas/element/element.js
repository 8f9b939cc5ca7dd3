// The element <deform-viz>: reads a recording, and shows a layer of it on the canvas of the app.
import { plainModel } from "../kit/door.js";
import { chooser, element, labelled, offerOptions } from "../kit/elements.js";
import { whole } from "../kit/packed.js";
import { learn, say } from "../kit/words.js";
import sampling from "../sampling/main.js";
import { Recording } from "./recording.js";

const LANGUAGES = Object.keys(ELEMENT.words);

/** Bytes of an address, or a sentence: a page from a disk may fetch nothing, a line may break. */
function fetched(address) {
  async function read() {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(say("element.missing", { status: answer.status }));
    return answer.arrayBuffer();
  }
  const fromDisk = window.location.protocol === "file:";
  return whole(read, () => (fromDisk ? say("element.unreachable") : say("element.broken")));
}

export class DeformViz extends HTMLElement {
  static observedAttributes = ["src", "layer", "image", "height", "lang"];

  constructor() {
    super();
    /** @type {Recording | null} what is on show */
    this.recording = null;
    this.leave = null;
    this.picture = ""; // address of its picture, while that is in memory
    this.asked = 0;
    this.layers = chooser(say("element.layer"), (name) => this.setAttribute("layer", name));
    this.room = element("div", { class: "dv-mount" });
    this.bar = element("div", { class: "dv de-bar" });
    this.said = element("div", { class: "dv de-said", role: "status" });
    const style = element("style", {}, ELEMENT.style);
    this.attachShadow({ mode: "open" }).append(style, this.bar, this.said, this.room);
  }

  get language() {
    const wish = this.getAttribute("lang") ?? this.closest("[lang]")?.getAttribute("lang") ?? "";
    return LANGUAGES.find((one) => wish.toLowerCase().startsWith(one)) ?? LANGUAGES[0];
  }

  connectedCallback() {
    this.open();
  }

  disconnectedCallback() {
    this.clear();
    this.recording = null;
  }

  attributeChangedCallback(name, before, after) {
    if (!this.isConnected || before === after) return;
    if (name === "height") this.size();
    else if (name === "src") this.open();
    else if (this.recording) this.show();
  }

  size() {
    const height = Number(this.getAttribute("height"));
    this.style.height = height > 0 ? `${height}px` : "";
    this.classList.toggle("de-tall", height > 0);
  }

  /** Read what `src` names; what cannot be read is said, and a file may be chosen by hand. */
  async open() {
    learn(ELEMENT.words[this.language]);
    this.size();
    const asked = ++this.asked;
    const address = this.getAttribute("src");
    this.said.replaceChildren(address ? say("element.reading") : this.file());
    if (!address) return;
    try {
      const buffer = await fetched(address);
      if (asked !== this.asked) return;
      this.take(buffer);
    } catch (problem) {
      if (asked === this.asked) this.complain(problem);
    }
  }

  /** Show a recording from its bytes. */
  take(buffer) {
    this.recording = new Recording(buffer);
    this.said.replaceChildren();
    this.show();
  }

  /** Say why nothing is shown; an error that is not ours is of numbers that do not fit each other. */
  complain(problem) {
    const sentence = problem.constructor === Error ? problem.message : say("element.damaged");
    this.clear();
    this.recording = null;
    this.said.replaceChildren(element("p", {}, sentence), this.file());
  }

  /** A way to choose a file, which works where a page may not fetch one. */
  file() {
    const choose = element("input", {
      type: "file",
      accept: ".deformviz",
      onchange: async () => {
        try {
          this.asked++;
          this.take(await choose.files[0].arrayBuffer());
        } catch (problem) {
          this.complain(problem);
        }
      },
    });
    return labelled(say("element.choose"), choose);
  }

  show() {
    const { recording } = this;
    learn(ELEMENT.words[this.language]);
    const image = Math.min(
      Math.max(0, Number(this.getAttribute("image")) || 0),
      recording.index.images.length - 1,
    );
    const wish = this.getAttribute("layer");
    const name = recording.names.includes(wish) ? wish : recording.names.at(-1);
    const title = say("element.layer");
    for (const attribute of ["title", "aria-label"]) this.layers.setAttribute(attribute, title);
    offerOptions(
      this.layers,
      recording.names.map((one) => [one, one]),
      name,
    );
    this.bar.replaceChildren(labelled(title, this.layers), recording.title(image));
    try {
      const data = this.data(name, image);
      if (this.model && image === this.shown.image && this.language === this.shown.language)
        this.model.renew(data);
      else this.mount(data, image);
    } catch (problem) {
      this.complain(problem);
    }
  }

  data(name, image) {
    const { recording } = this;
    if (!this.picture || image !== this.shown?.image) {
      URL.revokeObjectURL(this.picture);
      const jpeg = recording.picture(image);
      this.picture = jpeg ? URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" })) : "";
    }
    const title = recording.title(image);
    return {
      trace: recording.pack(name, image),
      trace_url: `${this.asked} ${name}`,
      picture_url: this.picture,
      picture_hw: recording.index.images[image].frame.original_hw,
      title,
      picture_alt: title,
      palette: ELEMENT.palette,
      words: ELEMENT.words[this.language],
    };
  }

  mount(data, image) {
    this.leave?.();
    this.shown = { image, language: this.language };
    this.model = plainModel(data);
    this.leave = sampling.render({ model: this.model, el: this.room });
  }

  clear() {
    this.leave?.();
    URL.revokeObjectURL(this.picture);
    Object.assign(this, { leave: null, model: null, picture: "", shown: null });
    this.bar.replaceChildren();
  }
}
