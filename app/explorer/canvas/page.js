// One explorer and its surroundings in a page: loading, notices, words. mount.js says which.
import { element, setText } from "./elements.js";
import { helpDialog } from "./help.js";
import { listenToKeys } from "./keyboard.js";
import { fetchLayer } from "./packed.js";
import { listenToPointer } from "./pointer.js";

const LAYERS_KEPT = 6;
const NOTICE_MS = 6000;
const mounted = new WeakMap();

export class Page {
  constructor(component) {
    this.component = component;
    const { data } = component;
    this.explorer = this.makeExplorer({
      palette: data.palette,
      send: (view) => this.component.setStateValue?.("view", view),
      step: component.setTriggerValue && ((by) => this.component.setTriggerValue("layer", by)),
    });
    this.layers = new Map();
    this.facts = { link: Boolean(data.link), source: data.source ?? null, title: "", note: "" };
    this.build();
    listenToPointer(this.explorer);
    listenToKeys(this.explorer, this.root);
    this.explorer.addEventListener("drawn", (event) => this.describe(event.detail));
    this.explorer.addEventListener("announce", (event) => setText(this.live, event.detail));
    this.explorer.addEventListener("notice", (event) => this.notice(event.detail));
  }

  /**
   * What another kind of picture brings: `makeExplorer(page)`, `surroundings()` giving what stands
   * below the picture, `decode(bytes)`, `readView(raw, layer)` and `words(scene)`.
   */
  build() {
    const { explorer } = this;
    this.status = element("div", { class: "dv-status" });
    this.live = element("div", { class: "dv-live", role: "status", "aria-live": "polite" });
    this.notices = element("div", { class: "dv-notices", role: "status" });
    this.honesty = element("div", { class: "dv-honesty" });
    const { scale, below } = this.surroundings();
    const picture = element(
      "div",
      { class: "dv-picture" },
      explorer.stage.root,
      this.notices,
      this.status,
      this.honesty,
      scale,
    );
    this.root = element(
      "div",
      { class: "dv" },
      element("div", { class: "dv-explorer", "aria-busy": "true" }, picture, ...below, this.live),
      helpDialog(explorer),
    );
    this.root.__explorer = explorer.stage.counters;
  }

  /** Called on every rerun: reads what changed, keeps the old picture until the new one is decoded. */
  async update(component) {
    this.component = component;
    const { data } = component;
    const before = JSON.stringify(this.facts);
    Object.assign(this.facts, {
      title: data.title ?? "",
      note: data.note ?? "",
      pictureAlt: data.picture_alt ?? data.title ?? "picture",
    });
    if (data.picture_hw && !this.explorer.layer) {
      this.explorer.stage.root.style.setProperty(
        "--dv-aspect",
        String(data.picture_hw[1] / data.picture_hw[0]),
      );
    }
    const wanted = `${data.trace_url} ${data.picture_url} ${data.view_id ?? ""}`;
    if (wanted === this.wanted) {
      if (JSON.stringify(this.facts) !== before) this.explorer.stage.refresh();
      return;
    }
    this.wanted = wanted;
    await this.load(data, wanted);
  }

  async load(data, wanted) {
    const busy = this.root.firstChild;
    busy.setAttribute("aria-busy", "true");
    try {
      const [layer, picture] = await Promise.all([this.layerAt(data), this.pictureAt(data)]);
      if (wanted !== this.wanted) return;
      const fresh = !this.explorer.layer || data.view_id !== this.viewId;
      this.viewId = data.view_id;
      const { view, notes } = fresh ? this.readView(data.view, layer) : { view: null, notes: [] };
      this.explorer.show(layer, picture, view, data.trace_url);
      this.clearNotices();
      if (notes.length) this.notice({ text: notes.join(" "), lasting: true });
      busy.removeAttribute("aria-busy");
    } catch (error) {
      if (wanted !== this.wanted) return;
      this.wanted = null;
      busy.removeAttribute("aria-busy");
      this.notice({
        text: `${error.message} The old picture stays.`,
        lasting: true,
        retry: () => this.update(this.component),
      });
    }
  }

  async layerAt({ trace_url: address, trace }) {
    if (trace) return this.decode(trace);
    const known = this.layers.get(address);
    this.layers.delete(address);
    const layer = known ?? (await fetchLayer(address, this.decode));
    this.layers.set(address, layer);
    if (this.layers.size > LAYERS_KEPT) this.layers.delete(this.layers.keys().next().value);
    return layer;
  }

  async pictureAt({ picture_url: address }) {
    if (this.pictureAddress === address) return this.picture;
    const picture = new Image();
    picture.src = address;
    try {
      await picture.decode();
    } catch {
      throw new Error("The picture could not be loaded.");
    }
    [this.pictureAddress, this.picture] = [address, picture];
    return picture;
  }

  describe(scene) {
    const { layer } = scene;
    const words = this.words(scene);
    setText(this.status, words);
    const { model_label: model, honesty_label: honesty, layer: name } = layer.header;
    setText(this.honesty, [model, name, honesty, this.facts.note].filter(Boolean).join(" · "));
    if (this.explorer.hover === null) {
      this.explorer.stage.root.setAttribute(
        "aria-label",
        `${this.facts.pictureAlt}. ${words}. Arrow keys move, Enter pins, question mark helps.`,
      );
    }
  }

  notice({ text, lasting, retry }) {
    const bar = element("div", { class: "dv-notice" }, element("span", {}, text));
    const close = () => bar.remove();
    if (retry)
      bar.append(
        element(
          "button",
          {
            type: "button",
            class: "dv-button",
            onclick: () => {
              close();
              retry();
            },
          },
          "Try again",
        ),
      );
    bar.append(
      element(
        "button",
        { type: "button", class: "dv-button", "aria-label": "Dismiss", onclick: close },
        "×",
      ),
    );
    this.notices.replaceChildren(bar);
    if (!lasting) setTimeout(close, NOTICE_MS);
  }

  clearNotices() {
    this.notices.replaceChildren();
  }
}

/** Mount a page once, hand it every change of data; the returned function takes it away. */
export function mountPage(component, makePage) {
  const parent = component.parentElement;
  let page = mounted.get(parent);
  if (!page) {
    page = makePage(component);
    mounted.set(parent, page);
    (parent.querySelector(".dv-mount") ?? parent).append(page.root);
  }
  page.update(component);
  return () => {
    page.explorer.close();
    page.root.remove();
    mounted.delete(parent);
  };
}

/** What an offline page carries in its own document, as Streamlit would hand it over. */
export function offlineComponent() {
  const read = (id) => document.getElementById(id).textContent;
  const trace = Uint8Array.from(atob(read("dv-trace")), (character) =>
    character.charCodeAt(0),
  ).buffer;
  return {
    data: { ...JSON.parse(read("dv-data")), trace },
    parentElement: document.getElementById("explorer"),
  };
}
