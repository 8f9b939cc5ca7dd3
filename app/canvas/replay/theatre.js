// Start, now and end side by side, one row per run; pointing at one points at all.
import { element, setText } from "../kit/elements.js";
import { applyInverse } from "../kit/frames.js";
import { queryName } from "../sampling/queries.js";
import { Stage } from "../kit/stage.js";
import { say } from "../kit/words.js";

const MOMENTS = ["now", "first", "last"];
const TIMES_KEPT = 600;

export class Theatre {
  constructor(replayer) {
    this.replayer = replayer;
    this.rows = [];
    this.pinned = false; // the pointer does not change what is asked
    this.root = element("div", { class: "dr-theatre" });
    this.counters = { scrubToDrawnMs: [], missing: 0 };
    this.shaped = new WeakMap(); // stage -> what its shape was made for
    this.shown = new WeakMap(); // stage -> what it shows
    this.observer = new ResizeObserver(() => {
      this.shaped = new WeakMap();
      this.update();
    });
    this.observer.observe(this.root);
    for (const name of ["changed", "waiting"]) replayer.addEventListener(name, () => this.update());
  }

  update() {
    const { replayer } = this;
    if (this.rows.length !== replayer.runs.length) this.build();
    this.root.classList.toggle("dr-beside", replayer.beside);
    this.rows.forEach((row, index) => {
      const run = replayer.runs[index];
      setText(row.title, replayer.runs.length > 1 ? this.titleOf(run) : "");
      row.stages.forEach(({ stage, when, caption }) => {
        const at = replayer.indexOf(run, when);
        const known = run.layer(run.iterations[at], replayer.layerName);
        const words = this.caption(run, when);
        setText(caption, words);
        if (known) this.reshape(stage, run, known);
        stage.root.setAttribute("aria-busy", String(!known));
        const query = known && replayer.view ? replayer.queryAt(run, at, known) : null;
        const shows = [known, query, replayer.view, run.picture, words];
        if (when === "now" || changed(this.shown, stage, shows)) stage.refresh();
      });
    });
  }

  /** The page is measured only where another run, layer or view may ask for another shape. */
  reshape(stage, run, known) {
    const { layerName, view } = this.replayer;
    if (!changed(this.shaped, stage, [run, layerName, view])) return;
    stage.reshape(known, { ...view, padding: false, split: false });
    this.root.parentElement.style.setProperty(
      "--dr-aspect",
      stage.root.style.getPropertyValue("--dv-aspect"),
    );
  }

  /** A run in a comparison; with the layer, where it shows another one. */
  titleOf(run) {
    const { layerName } = this.replayer;
    const { title, layer_titles: titles } = run.manifest;
    const own = run.ownName(layerName);
    if (!own) return say("canvas.replay.no_layer", { title, layer: layerName });
    return own === layerName ? title : `${title} · ${titles[own]}`;
  }

  /** "Now · iteration 316 · query 7 · boat 0.88". */
  caption(run, when) {
    const { replayer } = this;
    const index = replayer.indexOf(run, when);
    const newest = when === "last" && run.manifest.growing;
    const word = say(`canvas.replay.moment.${newest ? "newest" : when}`);
    const between =
      when === "now" && replayer.share > 0 && run.iterations[index + 1] !== undefined
        ? ` → ${run.iterations[index + 1].toLocaleString("en")}`
        : "";
    return `${word} · ${say("canvas.replay.iteration", { iteration: run.iterations[index].toLocaleString("en") })}${between}${this.answer(run, index)}`;
  }

  /** Which query answers, where queries change places, and what a classifier says. */
  answer(run, index) {
    const { replayer } = this;
    const layer = run.layer(run.iterations[index], replayer.layerName);
    if (!layer || !replayer.view) return "";
    const [likeliest] = layer.header.classes ?? [];
    if (likeliest)
      return ` · ${likeliest.class_name} ${Math.round(100 * likeliest.probability)}\u00a0%`;
    return layer.isEncoder
      ? ""
      : ` · ${say("canvas.sampling.query", { query: replayer.queryAt(run, index, layer) })}`;
  }

  build() {
    this.rows.flatMap((row) => row.stages).forEach(({ stage }) => stage.close());
    this.rows = this.replayer.runs.map((_, index) => {
      const title = element("div", { class: "dr-run-title" });
      const stages = MOMENTS.map((when) => this.buildStage(index, when));
      return {
        title,
        stages,
        root: element(
          "div",
          { class: "dr-row" },
          title,
          element("div", { class: "dr-pictures" }, ...stages.map(({ root }) => root)),
        ),
      };
    });
    this.root.replaceChildren(...this.rows.map(({ root }) => root));
    this.root.parentElement.classList.toggle("dr-compared", this.rows.length > 1);
  }

  buildStage(index, when) {
    const { replayer } = this;
    const stage = new Stage(
      replayer.kind.drawing,
      () => (replayer.runs[index] ? replayer.pictureState(replayer.runs[index], when) : null),
      (scene) => this.drawn(scene, index, when),
    );
    stage.root.classList.add("dr-stage", `dr-${when}`);
    const point = (event) => {
      if (!stage.scene) return;
      replayer.pointAt(
        stage.scene.layer,
        applyInverse(replayer.kind.toStage(stage.scene), ...stage.position(event)),
      );
    };
    stage.root.addEventListener("pointerdown", point);
    stage.root.addEventListener("pointermove", (event) => (this.pinned ? null : point(event)));
    stage.root.addEventListener("click", () => {
      this.pinned = !this.pinned;
    });
    stage.root.addEventListener("keydown", (event) => this.key(event));
    const caption = element("figcaption", {});
    return {
      stage,
      when,
      caption,
      root: element("figure", { class: "dr-picture" }, stage.root, caption),
    };
  }

  key(event) {
    const { replayer } = this;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) replayer.seek(replayer.at + step, event);
    else if (event.key === " ") replayer.togglePlay();
    else if (event.key === "Enter") this.pinned = !this.pinned;
    else return;
    event.preventDefault();
  }

  drawn(scene, index, when) {
    const { replayer } = this;
    const run = replayer.runs[index];
    if (run)
      this.stageOf(index, when).root.setAttribute(
        "aria-label",
        `${this.caption(run, when)}, ${queryName(scene.layer, scene.query)}`,
      );
    if (index || when !== (replayer.beside ? "last" : "now")) return;
    replayer.tell("drawn", scene);
    if (replayer.causeTime === null || replayer.causeTime === undefined) return;
    this.counters.scrubToDrawnMs.push(performance.now() - replayer.causeTime);
    if (this.counters.scrubToDrawnMs.length > TIMES_KEPT) this.counters.scrubToDrawnMs.shift();
    replayer.causeTime = null;
  }

  stageOf(index, when) {
    return this.rows[index].stages.find((each) => each.when === when).stage;
  }

  close() {
    this.observer.disconnect();
    this.rows.flatMap((row) => row.stages).forEach(({ stage }) => stage.close());
  }
}

/** Whether what is kept for a stage was something else; it is what is given from now on. */
function changed(kept, stage, parts) {
  const before = kept.get(stage);
  kept.set(stage, parts);
  return !before || parts.some((part, index) => part !== before[index]);
}
