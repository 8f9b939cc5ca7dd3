// In front of a class: everything by keys, a spotlight, the code of the present view, the plan.
import { element } from "../kit/elements.js";
import { say } from "../kit/words.js";

const SPOT_PX = 130;
const KEYS = { s: "spotlight", q: "code", p: "plan" };

export class Teach {
  /** `player` has data, root, answerBy(key), forward() and backward(). */
  constructor(player) {
    this.player = player;
    this.open = ""; // which of the panels
    this.spot = element("div", { class: "dl-spot", hidden: true, "aria-hidden": "true" });
    this.panel = element("div", { class: "dl-panel", role: "dialog", hidden: true });
    this.keys = element("p", { class: "dl-keys" }, say("lesson.teach.keys"));
    this.nodes = [this.keys, this.spot, this.panel];
    this.moved = (event) => this.light(event.clientX, event.clientY);
    document.addEventListener("pointermove", this.moved);
    this.at = [window.innerWidth / 2, window.innerHeight / 2];
  }

  light(x, y) {
    this.at = [x, y];
    if (this.spot.hidden) return;
    this.spot.style.background = `radial-gradient(circle at ${x}px ${y}px, transparent ${SPOT_PX}px, rgb(0 0 0 / 0.6) ${1.25 * SPOT_PX}px)`;
  }

  /** Whether the key meant something here. */
  key(event) {
    if (event.key === "Escape") return this.leave();
    if (event.key === "Enter") return this.enter();
    const name = KEYS[event.key.toLowerCase()];
    if (name === "spotlight") {
      this.spot.hidden = !this.spot.hidden;
      this.light(...this.at);
      return true;
    }
    if (name) {
      this.show(this.open === name ? "" : name);
      return true;
    }
    return this.player.answerBy(event.key);
  }

  /** One key for all that comes next: the truth, the reason, the next step. */
  enter() {
    const { root } = this.player;
    const check = root.querySelector(".dl-check:not([hidden])");
    const why = root.querySelector(".dl-answer details:not([open])");
    if (check) check.click();
    else if (why) why.open = true;
    else this.player.forward();
    root.querySelector(".dl-answer")?.scrollIntoView({ block: "nearest" });
    return true;
  }

  leave() {
    this.spot.hidden = true;
    this.show("");
    this.player.root.focus();
    return true;
  }

  show(name) {
    this.open = name;
    this.panel.hidden = !name;
    this.panel.setAttribute("aria-label", name ? say(`lesson.teach.${name}`) : "");
    this.panel.replaceChildren(
      ...(name === "code" ? this.code() : name === "plan" ? this.plan() : []),
    );
  }

  /** The panels again, where something of them changed. */
  update() {
    this.keys.textContent = say("lesson.teach.keys");
    this.show(this.open);
  }

  code() {
    const { code } = this.player.data;
    if (!code) return [element("p", {}, say("lesson.teach.no_code"))];
    return [
      element("img", { src: code.picture, alt: say("lesson.teach.code"), class: "dl-code" }),
      element("p", {}, code.address),
    ];
  }

  plan() {
    const { plan = [], sheet, lesson } = this.player.data;
    const rows = plan.map(({ title, minutes, href, name }) =>
      element(
        "li",
        { "aria-current": name === lesson.name ? "step" : undefined },
        element("a", { href }, say("lesson.teach.part", { title, minutes })),
      ),
    );
    return [
      element("h2", {}, say("lesson.teach.plan")),
      element("ol", { class: "dl-plan" }, ...rows),
      ...(sheet
        ? [element("a", { href: sheet, target: "_blank" }, say("lesson.teach.sheet"))]
        : []),
    ];
  }

  close() {
    document.removeEventListener("pointermove", this.moved);
  }
}
