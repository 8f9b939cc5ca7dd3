// One explorer and its surroundings in a page: loading, notices, words.
import { button, element, focusedIn, setText } from "./elements.js";
import { helpDialog } from "./help.js";
import { listenToKeys } from "./keyboard.js";
import { fetchTrace, unzipped } from "./packed.js";
import { joinPair } from "./pair.js";
import { listenToPointer } from "./pointer.js";
import { ProofBadge } from "./proof_badge.js";
import { readView } from "./view.js";
import { say } from "./words.js";

const LAYERS_KEPT = 6;
const NOTICE_MS = 6000;

/** A picture from an address, ready to be painted. */
export async function loadPicture(address) {
  const picture = new Image();
  picture.src = address;
  try {
    await picture.decode();
  } catch {
    throw new Error(say("canvas.kit.picture.missing"));
  }
  return picture;
}

/**
 * @typedef {object} Surroundings
 * @property {new (page: any) => any} Explorer
 * @property {(explorer: any, facts: any) => { scale: Node | string, below: Node[] }} build what
 *   stands below the picture: the scale right under it, the rest by the style sheet
 * @property {import("./keyboard.js").KeyAction[]} keys
 * @property {{ sign: string, means: string }[]} signs
 */

export class Page {
  /**
   * @param {import("./canvas.js").Canvas} canvas
   * @param {Surroundings} surroundings
   * @param {(name: string, value: any) => void} tell what Python is to hear
   */
  constructor(canvas, surroundings, data, tell) {
    this.canvas = canvas;
    this.explorer = new surroundings.Explorer({
      palette: data.palette,
      send: (view) => tell("view", view),
      step: data.link ? (by) => tell("layer", by) : null,
    });
    this.explorer.terms = data.terms ?? {}; // words of the picture, explained
    this.layers = new Map();
    this.facts = { link: Boolean(data.link), source: data.source ?? null, title: "", note: "" };
    this.data = data;
    this.wanted = null; // addresses that are on show, or on their way
    this.viewId = undefined;
    this.pictureAddress = null;
    this.picture = null;
    this.build(surroundings);
    listenToPointer(this.explorer);
    listenToKeys(this.explorer, surroundings.keys, this.root);
    this.leavePair = data.pair ? joinPair(this, data.pair) : () => {};
    this.explorer.on("drawn", (scene) => this.describe(scene));
    this.explorer.on("announce", (words) => setText(this.live, words));
    this.explorer.on("notice", (notice) => this.notice(notice));
    this.explorer.on("progress", (words) => setText(this.status, words));
  }

  build({ build, keys, signs }) {
    const { explorer } = this;
    this.status = element("div", {
      class: "dv-status",
      title: explorer.terms.query && `${explorer.terms.query.word}: ${explorer.terms.query.means}`,
    });
    this.live = element("div", { class: "dv-live", role: "status", "aria-live": "polite" });
    this.notices = element("div", { class: "dv-notices", role: "status" });
    this.honesty = element("div", { class: "dv-honesty" });
    this.proof = new ProofBadge();
    const { scale, below } = build(explorer, this.facts);
    const picture = element(
      "div",
      { class: "dv-picture" },
      explorer.stage.root,
      this.notices,
      this.status,
      this.honesty,
      this.proof.root,
      scale,
    );
    this.controls = [...below];
    this.busy = element(
      "div",
      { class: "dv-explorer", "aria-busy": "true" },
      picture,
      ...below,
      this.live,
    );
    this.root = element("div", { class: "dv" }, this.busy, helpDialog(explorer, keys, signs));
    Object.assign(this.root, { __explorer: explorer.stage.counters });
  }

  /** Called with every change of data: reads what changed, keeps the old picture until the new one is decoded. */
  async update(data) {
    this.data = data;
    const before = JSON.stringify(this.facts);
    Object.assign(this.facts, {
      title: data.title ?? "",
      note: data.note ?? "",
      pictureAlt: data.picture_alt ?? data.title ?? "picture",
    });
    if (data.picture_hw && !this.explorer.layer)
      this.explorer.stage.setAspect(data.picture_hw[1] / data.picture_hw[0]);
    const wanted = `${data.trace_url} ${data.picture_url} ${data.view_id ?? ""}`;
    if (wanted === this.wanted) {
      if (JSON.stringify(this.facts) !== before) this.explorer.stage.refresh();
      return;
    }
    this.wanted = wanted;
    await this.load(data, wanted);
  }

  async load(data, wanted) {
    this.setBusy(true);
    try {
      const parts = [this.layerAt(data), this.pictureAt(data)];
      const [layer, picture] = await this.counted(parts, wanted);
      if (wanted !== this.wanted) return;
      const fresh = !this.explorer.layer || data.view_id !== this.viewId;
      this.viewId = this.explorer.viewId = data.view_id;
      const { view, notes } = fresh
        ? readView(data.view, layer, this.canvas.view)
        : { view: null, notes: [] };
      this.explorer.show(layer, picture, view, data.trace_url);
      this.notices.replaceChildren();
      if (notes.length) this.notice({ text: notes.join(" "), lasting: true });
      this.setBusy(false);
    } catch (error) {
      if (wanted !== this.wanted) return;
      this.wanted = null;
      this.setBusy(false);
      if (this.explorer.stage.scene) this.describe(this.explorer.stage.scene);
      this.notice({
        text: say("canvas.kit.old_stays", { problem: error.message }),
        lasting: true,
        retry: () => this.update(this.data),
      });
    }
  }

  /** Nothing can be set while what it would act on is on its way; what has the focus keeps it. */
  setBusy(is) {
    if (is) this.busy.setAttribute("aria-busy", "true");
    else this.busy.removeAttribute("aria-busy");
    for (const node of this.controls) node.inert = is && !node.contains(focusedIn(node));
  }

  /** All parts, with a word at each about how many are here. */
  counted(parts, wanted) {
    let done = 0;
    const tell = () => {
      if (wanted !== this.wanted) return;
      setText(this.status, say("canvas.kit.loading", { done, all: parts.length }));
    };
    tell();
    return Promise.all(
      parts.map(async (part) => {
        const here = await part;
        done++;
        tell();
        return here;
      }),
    );
  }

  async layerAt({ trace_url: address, trace }) {
    const { decode } = this.canvas;
    if (trace) return decode(await unzipped(trace));
    const known = this.layers.get(address);
    this.layers.delete(address);
    const layer = known ?? (await fetchTrace(address, decode));
    this.layers.set(address, layer);
    if (this.layers.size > LAYERS_KEPT) this.layers.delete(this.layers.keys().next().value);
    return layer;
  }

  async pictureAt({ picture_url: address }) {
    if (this.pictureAddress === address) return this.picture;
    const picture = address ? await loadPicture(address) : null;
    [this.pictureAddress, this.picture] = [address, picture];
    return picture;
  }

  describe(scene) {
    const { layer } = scene;
    const words = this.canvas.words(scene);
    setText(this.status, words);
    const { model_label: model, honesty_label: honesty, layer: name } = layer.header;
    setText(this.honesty, [model, name, honesty, this.facts.note].filter(Boolean).join(" · "));
    this.proof.show(layer.header.proof);
    if (this.explorer.hover === null) {
      this.explorer.stage.root.setAttribute(
        "aria-label",
        say("canvas.kit.spoken", { picture: this.facts.pictureAlt, words }),
      );
    }
  }

  /** @param {{ text: string, lasting?: boolean, retry?: () => void }} said */
  notice({ text, lasting, retry }) {
    const bar = element("div", { class: "dv-notice" }, element("span", {}, text));
    const close = () => bar.remove();
    const again = () => {
      close();
      retry();
    };
    if (retry) bar.append(button(say("canvas.kit.again"), undefined, again));
    bar.append(button("×", undefined, close, { "aria-label": say("canvas.kit.dismiss") }));
    this.notices.replaceChildren(bar);
    if (!lasting) setTimeout(close, NOTICE_MS);
  }

  close() {
    this.wanted = null; // what is still on its way is not shown any more
    this.leavePair();
    this.explorer.close();
  }
}
