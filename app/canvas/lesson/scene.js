// The picture beside a step: one of the canvases, fetched when it is first wanted.
import { element } from "../kit/elements.js";
import { plainModel } from "../kit/door.js";

export class SceneRoom {
  /** `scripts`: canvas -> { script, style } addresses, and the words it says. */
  constructor(scripts) {
    this.scripts = scripts;
    this.root = element("div", { class: "dl-scene" });
    this.shown = null;
    this.leave = null;
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
      this.leave = canvas.render({ model: plainModel({ words, ...scene.data }), el: room });
    } catch (problem) {
      room.textContent = `${problem.message}`;
    }
  }

  clear() {
    this.leave?.();
    this.leave = null;
    this.shown = null;
    this.root.replaceChildren();
  }
}
