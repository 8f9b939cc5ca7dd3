// Parts of the page that only some derivations have, each a file of its own beside this script,
// fetched when it is first wanted.
import { element } from "../kit/elements.js";
import { known, say } from "../kit/words.js";

/**
 * What such a file makes: see part_costs.js.
 * @typedef {object} Part
 * @property {HTMLElement} root
 * @property {(given: any) => void} update
 */

export class Parts {
  /**
   * @param {import("./walkthrough.js").Walkthrough} page
   * @param {string[]} names in the order of their places
   */
  constructor(page, names) {
    this.page = page;
    /** @type {Map<string, { root: HTMLElement, part: Part | null, asked: boolean, given: any }>} */
    this.rooms = new Map(
      names.map((name) => [
        name,
        { root: element("div", { hidden: true }), part: null, asked: false, given: null },
      ]),
    );
  }

  /** Where the parts stand. */
  get places() {
    return [...this.rooms.values()].map(({ root }) => root);
  }

  /** Hand a part what it shows; nothing hides it. */
  show(name, given) {
    const room = this.rooms.get(name);
    room.given = given;
    room.root.hidden = !given;
    if (!given) return;
    if (room.part) room.part.update(given);
    else if (!room.asked) this.fetch(name, room);
  }

  async fetch(name, room) {
    room.asked = true;
    try {
      const address = new URL(`./equations.${name}.js`, import.meta.url).href;
      const { make } = await import(address);
      room.part = make(this.page, known());
      room.root.replaceChildren(room.part.root);
      this.show(name, room.given);
    } catch (problem) {
      room.asked = false; // the next lesson asks again
      room.root.textContent = say("canvas.equations.part.missing", { problem: problem.message });
    }
  }
}
