// Stored pictures and their layers: one of them on its canvas, which is in the address with its view.
import { element, labelled, offerOptions, chooser, setText } from "../kit/elements.js";
import { say } from "../kit/words.js";
import { at, mount } from "./canvas.js";

const OWN = ["picture", "layer"]; // in the address; all else there is the view's

/** What an address asks for: picture, layer, and the view under its short names. */
function asked(href) {
  const parameters = new URL(href).searchParams;
  const view = [...parameters].filter(([name]) => !OWN.includes(name));
  const [picture, layer] = OWN.map((name) => parameters.get(name));
  return { picture, layer, view: Object.fromEntries(view) };
}

class Pictures {
  constructor(facts, room) {
    this.facts = facts;
    this.layers = chooser(say("site.layer"), (layer) => this.choose({ layer }));
    this.note = element("p", { class: "ds-note", role: "status" });
    this.stage = element("div", { class: "ds-stage" });
    this.field = labelled(say("site.layer"), this.layers);
    room.replaceChildren(element("div", { class: "dv ds-bar" }, this.field, this.note), this.stage);
    this.links = /** @type {HTMLAnchorElement[]} */ ([
      ...document.querySelectorAll("a[data-picture]"),
    ]);
    for (const link of this.links) link.addEventListener("click", (event) => this.follow(event));
    window.addEventListener("popstate", () => this.read());
    this.visit = 0; // a view of an address is read again at the next one only
    this.canvas = null; // on show: its name, and what renews it
  }

  /** Show what the address asks for; what is not here is said, and something else shown. */
  read() {
    const { pictures, first } = this.facts;
    const wish = asked(window.location.href);
    const usual = pictures.find(({ name }) => name === first) ?? pictures[0];
    this.picture = pictures.find(({ name }) => name === wish.picture) ?? usual;
    this.layer = this.layerOf(wish.layer);
    // Who wishes for no view gets the first look of the app: one head, and little of it.
    const calm = this.layer === this.picture.usual && !Object.keys(wish.view).length;
    this.view = calm ? this.picture.look : wish.view;
    this.visit += 1;
    const missed = Boolean(wish.picture) && wish.picture !== this.picture.name;
    const other = Boolean(wish.layer) && wish.layer !== this.layer;
    setText(this.note, missed || other ? say("site.not_here") : "");
    return this.show();
  }

  layerOf(wanted) {
    const { layers, usual } = this.picture;
    const there = layers.map(({ name }) => name);
    return there.includes(wanted) ? wanted : there.includes(usual) ? usual : there.at(-1);
  }

  follow(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return; // a new tab
    event.preventDefault();
    const name = event.currentTarget.dataset.picture;
    window.history.pushState(
      null,
      "",
      `?${new URLSearchParams({ picture: name, layer: this.layer })}`,
    );
    this.read();
  }

  choose({ layer }) {
    this.layer = layer;
    this.keepInAddress(this.parameters ?? {});
    this.show();
  }

  step(by) {
    const names = this.picture.layers.map(({ name }) => name);
    const place = Math.min(names.length - 1, Math.max(0, names.indexOf(this.layer) + by));
    this.choose({ layer: names[place] });
  }

  keepInAddress(parameters) {
    this.parameters = parameters;
    const { name } = this.picture;
    const address = new URLSearchParams({ picture: name, layer: this.layer, ...parameters });
    window.history.replaceState(null, "", `?${address}`);
  }

  heard(name, value) {
    if (name === "layer") this.step(value);
    if (name === "view" && value?.source === this.data.trace_url)
      this.keepInAddress(value.params ?? {});
  }

  async show() {
    const { picture } = this;
    const kind = this.facts.canvases[picture.canvas];
    const layer = picture.layers.find(({ name }) => name === this.layer);
    offerOptions(
      this.layers,
      picture.layers.map(({ name, title }) => [name, title]),
      this.layer,
    );
    this.field.hidden = picture.layers.length < 2;
    for (const link of this.links) {
      if (link.dataset.picture === picture.name) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    this.data = {
      trace_url: layer.address,
      picture_url: picture.picture,
      title: picture.title,
      picture_alt: picture.title,
      note: layer.note ?? picture.note ?? "",
      picture_hw: picture.hw,
      view: this.view,
      view_id: String(this.visit),
      palette: this.facts.palette,
      link: true,
      words: kind.words,
      source: { script: at(kind.script), style: at(kind.style), template: at(kind.template) },
    };
    if (this.canvas?.name === picture.canvas) this.canvas.renew(this.data);
    else await this.open(kind);
  }

  async open(kind) {
    const { canvas: name } = this.picture;
    this.canvas?.close();
    const mounted = await mount(kind, this.data, this.stage, (told, value) =>
      this.heard(told, value),
    );
    this.canvas = { name, ...mounted };
  }
}

/** @param {any} facts pictures, canvases by name, palette, first */
export async function showPictures(facts, room) {
  await new Pictures(facts, room).read();
}
