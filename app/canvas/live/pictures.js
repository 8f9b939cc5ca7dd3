// Pictures a scene is put together from, fetched when they are first wanted.
import { say } from "../kit/words.js";

export class Pictures {
  /** @param {{ name: string, picture: string }[]} known */
  constructor(known) {
    this.addresses = new Map(known.map(({ name, picture }) => [name, picture]));
    /** @type {Map<string, Promise<HTMLImageElement>>} */
    this.asked = new Map();
    /** @type {Map<string, HTMLImageElement>} */
    this.here = new Map();
  }

  /** Whether all are here. */
  has(names) {
    return names.every((name) => this.here.has(name));
  }

  get(name) {
    return this.here.get(name);
  }

  /** Fetch what is not here yet; throws a sentence where that fails, and may be asked again. */
  async fetch(names) {
    await Promise.all(names.map((name) => this.fetchOne(name)));
  }

  fetchOne(name) {
    if (!this.asked.has(name)) this.asked.set(name, this.load(name));
    return this.asked.get(name);
  }

  async load(name) {
    const picture = new Image();
    picture.src = new URL(this.addresses.get(name), document.baseURI).href;
    try {
      await picture.decode();
    } catch {
      this.asked.delete(name);
      throw new Error(say("live.part_missing"));
    }
    this.here.set(name, picture);
    return picture;
  }
}
