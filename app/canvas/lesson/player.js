// Walks through a lesson: text, picture, prediction, truth. Knows nothing of where it runs.
import { button, element, setText } from "../kit/elements.js";
import { ask, verdict } from "./ask.js";
import { CALCULATORS } from "./calculator.js";
import { SceneRoom } from "./scene.js";
import { Teach } from "./teach.js";
import { explained } from "./terms.js";
import { learn, say } from "../kit/words.js";

export class Player {
  /**
   * @param {any} data lesson, step, scripts, words, language, next (a lesson's address), front; and for
   *   a class teach, with code { step, address, picture }, plan and sheet (an address)
   * @param {(name: string, value: any) => void} tell "step" with { lesson, step, done }
   */
  constructor(data, tell) {
    learn(data.words);
    this.tell = tell;
    this.done = new Set(data.done ?? []);
    /** @type {Teach | null} */
    this.teach = null;
    this.asked = new Map(); // of each step, kept while one walks to and fro
    this.calculators = new Map(); // of a step, as it was left
    this.root = element("div", { class: "dv dl", tabindex: "-1" });
    this.room = new SceneRoom(data.scripts);
    this.text = element("section", { class: "dl-text", "aria-live": "polite" });
    this.progress = element("ol", { class: "dl-progress" });
    this.head = element("header", { class: "dl-head" });
    this.foot = element("nav", { class: "dl-foot" });
    this.root.append(
      this.head,
      element(
        "div",
        { class: "dl-body" },
        element("div", { class: "dl-side" }, this.text, this.foot),
        this.room.root,
      ),
    );
    this.listen();
  }

  listen() {
    this.heard = (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (this.understands(event)) event.preventDefault();
    };
    document.addEventListener("keydown", this.heard);
  }

  /** Whether a key meant something; what is typed into a field or a picture is left to it. */
  understands(event) {
    const at = /** @type {Element} */ (event.composedPath()[0]); // inside a shadow root too
    const { key } = event;
    // A field that was just answered keeps the focus for a moment.
    const unanswered = this.check?.isConnected && !this.check.hidden;
    if (unanswered && at.closest?.("input[type=number]") && key === "Enter") {
      this.check.click();
      return true;
    }
    if (this.teach && (key === "Escape" || key === "PageDown" || key === "PageUp"))
      /** @type {HTMLElement} */ (at).blur?.(); // a presenter's remote works wherever one clicked
    else if (at.closest?.("input:not([type=radio]), select, textarea, .dv-stage, .dl-ground-room"))
      return key === "Enter" && Boolean(this.teach?.key(event));
    if (!this.teach && at.closest?.("input")) return false;
    if (key === "ArrowRight" || key === "PageDown") this.forward();
    else if (key === "ArrowLeft" || key === "PageUp") this.go(-1);
    else if (key === "Enter" && at.closest?.("a, button, summary")) return false;
    else return Boolean(this.teach?.key(event));
    return true;
  }

  /** The next step; in front of a class the next lesson after the last one. */
  forward() {
    if (this.teach && this.index === this.steps.length - 1 && this.data.next)
      window.location.href = new URL(this.data.next, document.baseURI).href;
    else this.go(1);
  }

  /** Answer by a key: choices by their number, numbers by typing them. */
  answerBy(key) {
    const { prediction, name } = this.steps[this.index];
    if (!prediction || this.asked.get(name)?.revealed || !/^[-0-9.]$/.test(key)) return false;
    if (prediction.kind === "choice") {
      /** @type {NodeListOf<HTMLInputElement>} */
      const choices = this.text.querySelectorAll(".dl-choice input");
      const choice = choices[Number(key) - 1];
      choice?.click();
      return Boolean(choice);
    }
    /** @type {HTMLElement | null} */ (this.text.querySelector(".dl-number"))?.focus();
    return false; // the key is typed into it
  }

  update(data) {
    const other = data.lesson.name !== this.data?.lesson.name;
    const spoken = data.language; // another language draws everything anew
    const asked = `${data.lesson.name} ${data.step}`;
    this.data = data;
    this.root.setAttribute("lang", data.language ?? "en");
    const fresh = other || spoken !== this.spoken;
    this.spoken = spoken;
    if (fresh) {
      this.asked.clear();
      this.done = new Set(data.done ?? []);
    }
    if (asked !== this.askedFor || fresh) {
      this.askedFor = asked;
      this.open(data.step);
    }
    this.root.classList.toggle("dl-teach", Boolean(data.teach));
    if (data.teach && !this.teach) {
      this.teach = new Teach(this);
      this.root.append(...this.teach.nodes);
      this.root.focus();
    }
    this.teach?.update();
    this.root.classList.toggle("dl-front", Boolean(data.front));
  }

  get steps() {
    return this.data.lesson.steps;
  }

  get index() {
    return Math.max(
      0,
      this.steps.findIndex((step) => step.name === this.step),
    );
  }

  open(name) {
    this.step = this.steps.some((step) => step.name === name) ? name : this.steps[0].name;
    this.draw();
  }

  go(by) {
    const next = this.steps[this.index + by];
    if (!next) return;
    if (!this.steps[this.index].prediction) this.finish();
    this.step = next.name;
    this.draw();
    this.report();
    this.text.querySelector("h2")?.focus();
  }

  finish() {
    this.done.add(this.step);
  }

  report() {
    this.askedFor = `${this.data.lesson.name} ${this.step}`;
    this.tell("step", { lesson: this.data.lesson.name, step: this.step, done: [...this.done] });
  }

  // -- drawing -----------------------------------------------------------------------------

  draw() {
    const { lesson } = this.data;
    const step = this.steps[this.index];
    this.head.replaceChildren(
      element("p", { class: "dl-kicker" }, this.say("lesson.number_of", lesson)),
      element("h1", {}, lesson.title),
      element("p", { class: "dv-quiet" }, lesson.goal),
      this.progress,
    );
    this.drawProgress();
    this.text.replaceChildren(
      element("h2", { tabindex: "-1" }, step.title),
      explained(step.text, lesson.glossary, new Set()),
      ...(step.prediction ? this.question(step) : []),
    );
    this.drawFoot(step);
    this.drawScene(step);
  }

  say(key, values = {}) {
    return say(key, values);
  }

  drawProgress() {
    this.progress.replaceChildren(
      ...this.steps.map((step, place) => {
        const here = place === this.index;
        const done = this.done.has(step.name);
        const name = this.say(done ? "lesson.step_done" : "lesson.step", {
          number: place + 1,
          title: step.title,
        });
        const dot = element(
          "button",
          {
            type: "button",
            class: `dl-dot${done ? " dl-done" : ""}`,
            title: name,
            "aria-label": name,
            "aria-current": here ? "step" : undefined,
            onclick: () => this.go(place - this.index),
          },
          done ? "✓" : String(place + 1),
        );
        return element("li", {}, dot);
      }),
    );
  }

  state(step) {
    if (!this.asked.has(step.name)) {
      const { language } = this.data;
      const state = { revealed: false, asked: null };
      state.asked = ask(step, { language, changed: () => this.drawCheck(step) });
      this.asked.set(step.name, state);
    }
    return this.asked.get(step.name);
  }

  question(step) {
    const state = this.state(step);
    this.check = button(
      this.say("lesson.check"),
      this.say("lesson.check"),
      () => this.reveal(step),
      {
        class: "dv-button dl-check",
      },
    );
    this.answer = element("div", { class: "dl-answer", role: "status" });
    const nodes = [
      element("p", { class: "dl-question" }, step.question),
      ...state.asked.nodes,
      this.check,
      this.answer,
    ];
    if (state.revealed) queueMicrotask(() => this.showTruth(step));
    else this.drawCheck(step);
    return nodes;
  }

  drawCheck(step) {
    if (!this.check || this.steps[this.index].name !== step.name) return; // the host may send a new copy
    this.check.disabled = this.state(step).asked.said() === null;
  }

  reveal(step) {
    const state = this.state(step);
    if (state.asked.said() === null) return;
    state.revealed = true;
    this.finish();
    state.asked.reveal();
    this.showTruth(step);
    this.drawProgress();
    this.drawScene(step);
    this.report();
  }

  showTruth(step) {
    const { language, teach } = this.data;
    const found = verdict(step, this.state(step).asked.said(), { language, teach });
    this.check.hidden = true;
    const why = element("details", {}, element("summary", {}, this.say("lesson.why")));
    why.append(explained(step.why, this.data.lesson.glossary, new Set()));
    this.answer.replaceChildren(
      element("p", { class: found.right ? "dl-verdict dl-good" : "dl-verdict" }, found.text),
      element("p", {}, step.reveal),
      why,
    );
  }

  drawScene(step) {
    const ground = step.prediction && this.state(step).asked.ground; // the truth is shown on it too
    const calculator = this.calculatorOf(step);
    if (calculator !== undefined) this.room.show(null, calculator);
    else this.room.show(ground ? null : step.scene, ground);
  }

  /** What may be tried at a step; null before its question is answered, which it would answer. */
  calculatorOf(step) {
    const make = CALCULATORS[step.scene?.canvas];
    if (!make) return undefined;
    if (step.prediction && !this.state(step).revealed) return null;
    if (!this.calculators.has(step.name)) this.calculators.set(step.name, make(step.scene.data));
    return this.calculators.get(step.name);
  }

  drawFoot(step) {
    const last = this.index === this.steps.length - 1;
    const back = button(this.say("lesson.back"), this.say("lesson.back_title"), () => this.go(-1));
    back.disabled = this.index === 0;
    const forth = button(this.say("lesson.next"), this.say("lesson.next_title"), () => this.go(1), {
      class: "dv-button dl-next",
    });
    const lab = step.scene?.lab;
    const link = (href, key) => element("a", { href, class: "dl-link" }, this.say(key));
    const { next } = this.data;
    this.foot.replaceChildren(
      back,
      ...(last ? (next ? [link(next, "lesson.next_lesson")] : []) : [forth]),
      ...(lab ? [link(lab, "lesson.lab")] : []),
    );
  }

  close() {
    document.removeEventListener("keydown", this.heard);
    this.teach?.close();
    this.room.clear();
    setText(this.text, "");
  }
}
