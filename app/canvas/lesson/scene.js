// The picture beside a step: one of the canvases, fetched when it is first wanted.
import { element } from "../kit/elements.js";
import { plainModel } from "../kit/door.js";
import { Clock } from "./clock.js";

export class SceneRoom {
  /** `scripts`: canvas -> { script, style } addresses, and the words it says. */
  constructor(scripts) {
    this.scripts = scripts;
    this.root = element("div", { class: "dl-scene" });
    this.shown = null;
    this.leave = null;
    /** @type {Clock | null} */
    this.clock = null;
  }

  /** Show a scene { canvas, data }, a node, or nothing. */
  async show(scene, node = null) {
    const wanted = node ?? JSON.stringify(scene ?? null);
    if (wanted === this.shown) return;
    this.clear();
    this.shown = wanted;
    this.root.hidden = !node && !scene?.canvas;
    this.root.dataset.canvas = scene?.canvas ?? "";
    if (node) {
      this.root.append(node);
      return;
    }
    if (!scene?.canvas) return;
    const { script, style, words } = this.scripts[scene.canvas];
    const here = (address) => new URL(address, document.baseURI).href;
    const room = element("div", { class: "dv-mount" });
    this.root.append(element("link", { rel: "stylesheet", href: here(style) }), room);
    try {
      const { default: canvas } = await import(/* webpackIgnore: true */ here(script));
      if (this.shown !== wanted) return;
      const { frames, ...data } = scene.data;
      const model = plainModel({ words, ...data });
      this.leave = canvas.render({ model, el: room });
      if (!frames) return;
      this.clock = new Clock(frames, (frame) => model.renew({ words, ...data, ...frame }));
      room.before(this.clock.root); // above the picture, which may reach below the screen
    } catch (problem) {
      room.textContent = `${problem.message}`;
    }
  }

  clear() {
    this.clock?.close();
    this.clock = null;
    this.leave?.();
    this.leave = null;
    this.shown = null;
    this.root.replaceChildren();
  }
}
