// Derivations that were followed beforehand: which of them, and which step, is in the address.
import { element, setText } from "../kit/elements.js";
import { say } from "../kit/words.js";
import { mount } from "./canvas.js";
import { readKept } from "./kept.js";

const STEP = "step";

/** What an address asks for, in one order and without the step; as deformviz/publish/equations.py. */
function keyOf(parameters) {
  const rest = [...parameters].filter(([name]) => name !== STEP);
  return String(new URLSearchParams(rest.sort(([a], [b]) => (a < b ? -1 : 1))));
}

class Equations {
  constructor(facts, room) {
    this.facts = facts;
    this.note = element("p", { class: "ds-note", role: "status" });
    this.room = element("div", { class: "ds-stage" });
    room.replaceChildren(this.note, this.room);
    this.links = /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll("a[data-key]")]);
    window.addEventListener("popstate", () => this.read());
    this.visit = 0;
    this.key = ""; // of what is on show
    this.canvas = null;
  }

  /** Show what the address asks for; what was not followed is said, and something else shown. */
  async read() {
    const { choices } = this.facts;
    const asked = new URL(window.location.href).searchParams;
    const key = keyOf(asked);
    const usual = choices.find(
      (one) => one.key === keyOf([["derivation", asked.get("derivation")]]),
    );
    const chosen = choices.find((one) => one.key === key) ?? usual ?? choices[0];
    setText(this.note, key && chosen.key !== key ? say("site.not_here") : "");
    for (const link of this.links) {
      if (link.dataset.key === chosen.key) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    this.key = chosen.key;
    const visit = ++this.visit;
    const kept = await readKept(chosen.address);
    if (visit !== this.visit) return;
    const { words } = this.facts.canvas;
    const data = { ...kept, words, step: asked.get(STEP) ?? "", view_id: String(visit) };
    if (this.canvas) this.canvas.renew(data);
    else
      this.canvas = await mount(this.facts.canvas, data, this.room, (name, at) => {
        if (name === "at" && at?.step) this.keepInAddress(at.step);
      });
  }

  keepInAddress(step) {
    const parameters = new URLSearchParams(this.key);
    parameters.set(STEP, step);
    window.history.replaceState(null, "", `?${parameters}`);
  }
}

/** @param {any} facts canvas, choices { key, address } */
export async function showEquations(facts, room) {
  await new Equations(facts, room).read();
}
