// The door: builds the replay once, and shows what Streamlit hands in at each rerun.
import { element, setText } from "../../explorer/canvas/elements.js";
import { Controls } from "./controls.js";
import { CurvesPanel } from "./curves_panel.js";
import { REPLAY_KINDS } from "./kinds.js";
import { Replayer } from "./replayer.js";
import { Scrubber } from "./scrubber.js";
import { Theatre } from "./theatre.js";

const PICTURES_KEPT = 8;
const mounted = new WeakMap();

class ReplayPage {
  constructor(component) {
    const kind = REPLAY_KINDS[component.data.drawing];
    this.replayer = new Replayer(component.data.palette, kind);
    this.pictures = new Map();
    this.theatre = new Theatre(this.replayer);
    this.curves = new CurvesPanel(this.replayer);
    this.live = element("div", {
      class: "dr-live dv-quiet",
      role: "status",
      "aria-live": "polite",
    });
    const tell = (words) => setText(this.live, words);
    this.root = element(
      "div",
      { class: "dv dr" },
      new Controls(this.replayer, this.theatre, tell).root,
      element(
        "div",
        { class: "dr-stagehouse" },
        element(
          "div",
          { class: "dr-left" },
          this.theatre.root,
          new Scrubber(this.replayer).root,
          this.live,
        ),
        element(
          "div",
          { class: "dr-right" },
          this.curves.root,
          new kind.Legend(this.replayer).root,
        ),
      ),
    );
    this.root.__replay = { counters: this.theatre.counters, replayer: this.replayer };
    for (const name of ["changed", "waiting"])
      this.replayer.addEventListener(name, () => this.complain());
  }

  complain() {
    const failed = this.replayer.runs.find((run) => run.problem);
    if (failed) setText(this.live, failed.problem);
  }

  async update({ data }) {
    const wanted = JSON.stringify([data.manifests, data.pictures]);
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    try {
      const [manifests, pictures] = await Promise.all([
        Promise.all(data.manifests.map(readManifest)),
        Promise.all(data.pictures.map((address) => this.pictureAt(address))),
      ]);
      if (wanted !== this.wanted) return;
      this.replayer.show(manifests, pictures);
      setText(this.live, "");
    } catch (error) {
      this.wanted = null;
      setText(this.live, `${error.message} Reload the page to try again.`);
    }
  }

  async pictureAt(address) {
    const known = this.pictures.get(address);
    if (known) return known;
    const picture = new Image();
    picture.src = address;
    try {
      await picture.decode();
    } catch {
      throw new Error("The picture could not be loaded.");
    }
    if (this.pictures.size > PICTURES_KEPT) this.pictures.clear();
    this.pictures.set(address, picture);
    return picture;
  }

  close() {
    this.replayer.pause();
    this.theatre.close();
    this.curves.close();
    this.root.remove();
  }
}

async function readManifest(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

/** Streamlit calls this at every change of its data; the returned function runs when it goes. */
export default function mount(component) {
  const parent = component.parentElement;
  let page = mounted.get(parent);
  if (!page) {
    page = new ReplayPage(component);
    mounted.set(parent, page);
    (parent.querySelector(".dr-mount") ?? parent).append(page.root);
  }
  page.update(component);
  return () => {
    page.close();
    mounted.delete(parent);
  };
}
