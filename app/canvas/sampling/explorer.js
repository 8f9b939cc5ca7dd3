// The state of one explorer and everything that can be done to it. Pointer, keyboard, toolbar and
// legend call these methods; drawing and reporting follow from them.
import { cellOfQuery, cellUnder, queryOfCell } from "../kit/cells.js";
import { applyAffine, applyInverse } from "../kit/frames.js";
import { Steered } from "../kit/steered.js";
import { say } from "../kit/words.js";
import { readersOf } from "./amounts.js";
import { SAMPLING } from "./canvas.js";
import { sameSample } from "./focus.js";
import { MassJob } from "./mass_job.js";
import { decoderQueryAt, neighbourQuery, queryName, queryOnLevel } from "./queries.js";
import { ZOOMS, carryView, defaultView } from "./view.js";

const POINTER_REACH = 24; // pixels beyond a marker's edge

export class Explorer extends Steered {
  constructor(page) {
    super(SAMPLING, page);
    this.lookup = null;
    this.remembered = {}; // query by kind of layer
    this.lightly = false; // pinned because the layer came, not by the visitor: a move lets go
    this.mass = new MassJob(
      () => this.stage.refresh(["field"]),
      (share) => {
        const done = Math.round(100 * share);
        if (share < 1) this.tell("progress", say("canvas.sampling.mass.progress", { done }));
      },
    );
  }

  state() {
    const { lookup, lightly } = this;
    return { ...super.state(), lookup, lightly, mass: this.mass.result };
  }

  /**
   * Show a layer and a picture; `view` replaces the present one, otherwise that is carried over.
   * `source` names them to Python, which hears of every new one as soon as it is drawn.
   */
  show(layer, picture, view = null, source = "") {
    const before = this.layer;
    if (before) {
      this.view = this.keptView;
      this.remembered[before.header.kind] = { query: this.view.query, pinned: this.view.pinned };
    }
    Object.assign(this, { layer, picture, source });
    this.hover = this.focus = this.place = null;
    if (view) {
      this.view = view;
      this.remembered = {};
    } else {
      this.view = carryView(this.view, before, layer);
      const known = this.remembered[layer.header.kind];
      if (known && known.query < layer.header.queries) Object.assign(this.view, known);
    }
    this.pinLightly();
    this.reshape();
    this.changed(false);
    this.reportDrawn();
  }

  get keptView() {
    return this.view && { ...this.view, pinned: this.view.pinned && !this.lightly };
  }

  /** A layer comes with a pinned query; who has pinned none is not held to it. */
  pinLightly() {
    this.lightly = !this.view.pinned;
    this.view = { ...this.view, pinned: true };
  }

  letGoLightly() {
    if (!this.lightly) return;
    this.lightly = false;
    this.view = { ...this.view, pinned: false };
    this.tell("changed");
  }

  togglePin() {
    this.letGoLightly();
    super.togglePin();
  }

  /** Change the view, draw, and tell Python unless `quietly`. */
  setView(patch, { quietly = false } = {}) {
    if (!this.layer) return;
    if ("pinned" in patch) this.lightly = false;
    this.view = { ...this.view, ...patch };
    if (patch.mass) this.view.reverse = false; // one map at a time: two over each other say nothing
    if (patch.reverse) this.view.mass = false;
    if ("padding" in patch) this.reshape();
    this.changed(!quietly);
  }

  changed(report) {
    const { layer, view } = this;
    if (view.mass) this.mass.request(layer, view.level, view.heads);
    this.lookUp(this.place ?? view.lookup);
    super.changed(report);
  }

  // -- pointing ------------------------------------------------------------------------------

  queryAt(stageX, stageY) {
    const { layer, view } = this;
    const at = applyInverse(this.stage.scene.toStage, stageX, stageY);
    if (!layer.isEncoder) {
      return decoderQueryAt(layer, view.all, applyAffine(layer.header.to_original, ...at), at);
    }
    const { row, column } = cellUnder(layer, view.level, at[0], at[1]);
    return queryOfCell(layer, view.level, row, column);
  }

  /** The sample of the shown query nearest to a place of the stage, within reach of its marker. */
  sampleNear(stageX, stageY, reach) {
    let best = null;
    let least = Infinity;
    for (const sample of this.stage.scene.placed) {
      const distance = Math.hypot(sample.stageX - stageX, sample.stageY - stageY) - sample.radius;
      if (distance < Math.min(reach, least)) [best, least] = [sample, distance];
    }
    return best;
  }

  hoverAt(stageX, stageY, cause) {
    if (!this.stage.scene) return;
    this.stage.counters.moves++;
    this.letGoLightly();
    if (this.view.reverse) {
      this.place = applyInverse(this.stage.scene.toStage, stageX, stageY);
      this.lookUp(this.place);
      this.stage.refresh(["field"], cause);
    } else if (this.view.pinned) {
      this.focus = this.sampleNear(stageX, stageY, POINTER_REACH) ?? this.focus;
      this.stage.refresh(["marks"], cause);
    } else {
      const query = this.queryAt(stageX, stageY);
      if (query !== this.hover) this.focus = null;
      this.hover = query;
      this.stage.refresh(["marks"], cause);
    }
  }

  leave() {
    this.hover = this.place = null;
    this.lookUp(this.view?.lookup ?? null);
    this.stage.refresh(["field", "marks"]);
  }

  /** A click or tap: look up the place, read the point, or pin the query. */
  chooseAt(stageX, stageY) {
    if (!this.stage.scene) return;
    this.letGoLightly();
    if (this.view.reverse) {
      const inMap = applyInverse(this.stage.scene.toStage, stageX, stageY).map((value) =>
        Math.min(1, Math.max(0, value)),
      );
      this.setView({ lookup: inMap });
      return;
    }
    const sample = this.view.pinned ? this.sampleNear(stageX, stageY, 3) : null;
    if (sample) {
      this.setFocus(sample);
      return;
    }
    const query = this.queryAt(stageX, stageY);
    if (this.view.pinned && query === this.view.query) this.setView({ pinned: false });
    else this.pin(query);
  }

  pin(query) {
    this.focus = null;
    super.pin(query);
  }

  setFocus(sample) {
    this.focus = sample && { head: sample.head, level: sample.level, point: sample.point };
    this.stage.refresh(["marks"]);
  }

  // -- keys and controls ---------------------------------------------------------------------

  moveQuery(stepX, stepY) {
    const { layer, view } = this;
    if (view.reverse) {
      this.moveLookup(stepX, stepY);
      return;
    }
    const query = neighbourQuery(layer, this.query, stepX, stepY, view.all);
    this.hover = this.focus = null;
    this.setView({ query, centre: this.centreFor(query) });
    this.announce(queryName(layer, query));
  }

  moveLookup(stepX, stepY) {
    const [height, width] = this.layer.levels[this.view.level];
    const [x, y] = this.view.lookup ?? [0.5, 0.5];
    const { row, column } = cellUnder(this.layer, this.view.level, x, y);
    const clamp = (value, size) => Math.min(size - 1, Math.max(0, value));
    const place = [
      (clamp(column + stepX, width) + 0.5) / width,
      (clamp(row + stepY, height) + 0.5) / height,
    ];
    this.place = null;
    this.setView({ lookup: place });
    this.announce(
      this.lookup.ranked.length
        ? say("canvas.sampling.readers.some", { count: this.lookup.ranked.length })
        : say("canvas.sampling.readers.none"),
    );
  }

  /** Enlarge around the query; after the largest step the whole picture again. */
  cycleZoom() {
    const zoom = ZOOMS[(ZOOMS.indexOf(this.view.zoom) + 1) % ZOOMS.length];
    const { x, y } = this.layer.reference(this.query, this.view.level);
    const inMap = [x, y].map((value) => Math.min(1, Math.max(0, value)));
    this.setView({ zoom, centre: zoom === 1 ? null : (this.view.centre ?? inMap) });
    this.announce(
      say(zoom === 1 ? "canvas.sampling.zoom.whole" : "canvas.sampling.zoom.times", { zoom }),
    );
  }

  /** Where to look so that a query's reference is in sight; unchanged while it is. */
  centreFor(query) {
    if (this.view.zoom === 1) return null;
    const { x, y } = this.layer.reference(query, this.view.level);
    const [stageX, stageY] = applyAffine(this.stage.scene.toStage, x, y);
    const { width, height } = this.stage.scene;
    const inSight = stageX >= 0 && stageY >= 0 && stageX <= width && stageY <= height;
    return inSight ? this.view.centre : [x, y];
  }

  /** Step through the shown query's points, heaviest first. */
  stepPoint(step) {
    const samples = this.stage.scene?.samples ?? [];
    if (!samples.length) return;
    const at = samples.findIndex((sample) => this.focus && sameSample(sample, this.focus));
    const next = samples[(at + step + samples.length) % samples.length];
    this.setFocus(next);
    this.announce(say("canvas.sampling.point.spoken", { ...next, weight: next.weight.toFixed(3) }));
  }

  /** Show or hide a head or level; `alone` keeps only it, and all again when it is alone already. */
  toggle(kind, index, alone = false) {
    const shown = this.view[kind];
    const everything = defaultView(this.layer)[kind];
    if (!everything.includes(index)) return;
    let next = shown.includes(index)
      ? shown.filter((n) => n !== index)
      : [...shown, index].sort((a, b) => a - b);
    if (alone) next = shown.length === 1 && shown[0] === index ? everything : [index];
    this.focus = null;
    this.setView({ [kind]: next });
    const what = next.length ? "shown" : "none";
    this.announce(say(`canvas.sampling.${kind}.${what}`, { shown: next.join(", ") }));
  }

  /** The level whose cells are queries, mass and look-up cells; the query moves to it. */
  setLevel(level) {
    const patch = { level };
    if (this.layer.isEncoder && cellOfQuery(this.layer, this.view.query).level !== level) {
      patch.query = queryOnLevel(this.layer, this.view.query, level);
    }
    this.hover = this.focus = null;
    this.setView(patch);
    const [rows, columns] = this.layer.levels[level];
    this.announce(say("canvas.sampling.level.spoken", { level, rows, columns }));
  }

  toggleReverse() {
    this.place = null;
    this.setView({ reverse: !this.view.reverse });
    this.announce(
      this.view.reverse ? say("canvas.sampling.reverse.on") : say("canvas.sampling.reverse.off"),
    );
  }

  lookUp(place) {
    const { layer, view } = this;
    if (!view?.reverse || !place) {
      this.lookup = null;
      return;
    }
    const { row, column } = cellUnder(layer, view.level, place[0], place[1]);
    const key = [view.level, row, column, ...view.heads].join();
    if (this.lookup?.key === key && this.lookup.layer === layer) return;
    this.lookup = { ...readersOf(layer, view, place), key, layer };
  }

  reset() {
    this.place = null;
    super.reset();
    this.announce(say("canvas.sampling.reset"));
  }

  close() {
    super.close();
    this.mass.cancel();
  }
}
