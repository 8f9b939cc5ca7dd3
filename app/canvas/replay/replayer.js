// The state of a replay and everything that can be done to it; drawing follows from events.
import { cellUnder, queryOfCell } from "../kit/cells.js";
import { applyAffine } from "../kit/frames.js";
import { pictureState } from "../kit/state.js";
import { FrameStore } from "./frames_store.js";

const MS_PER_SNAPSHOT = 900;
const SURE = 0.3;

export class Replayer extends EventTarget {
  /** `kind` says what is drawn; see kinds.js. */
  constructor(palette, kind) {
    super();
    this.kind = kind;
    this.palette = palette;
    this.runs = []; // FrameStores; the first one sets the clock
    this.at = 0; // snapshot of the first run
    this.share = 0; // of the way to the next one, while playing
    this.layerName = null;
    this.view = null;
    this.place = [0.5, 0.5]; // normalised, where the encoder's cell lies
    this.chosen = 0; // object followed through decoder layers
    this.trails = false;
    this.beside = false; // start and end side by side, without the present
    this.speed = 1;
    this.playing = null;
    this.waits = false; // what plays stands still until the next snapshot is here
    this.started = false;
    this.closed = false; // the page may leave before its first run, or a snapshot, came
    this.causeTime = null; // of the event that moved the clock
    this.viewedLayer = null;
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Show these runs on their pictures; the same ones with more snapshots keep their place. */
  show(manifests, pictures) {
    const same =
      this.runs.length === manifests.length &&
      manifests.every(({ address }, index) => this.runs[index].manifest.address === address);
    const atEnd = this.started && this.at === this.runs[0]?.iterations.length - 1;
    const iteration = this.iteration;
    if (same) this.runs.forEach((run, index) => run.update(manifests[index]));
    else
      this.runs = manifests.map(
        (manifest) => new FrameStore(manifest, this.kind.decode, () => this.arrived()),
      );
    this.runs.forEach((run, index) => {
      run.picture = pictures[index];
    });
    const { layers, iterations, growing, objects } = this.run.manifest;
    if (!layers.includes(this.layerName)) this.layerName = this.kind.firstLayer(layers);
    const newest = (same && atEnd) || (growing && (atEnd || !this.started));
    this.at = newest ? iterations.length - 1 : this.started ? this.run.nearest(iteration) : 0;
    this.chosen = Math.min(this.chosen, Math.max(0, objects.length - 1));
    this.started = true;
    this.want();
  }

  get run() {
    return this.runs[0];
  }

  get iteration() {
    return this.run?.iterations[this.at] ?? 0;
  }

  /** The layer on show of the first run; while it is on the way, the one shown before. */
  get layer() {
    return this.run?.layer(this.iteration, this.layerName) ?? this.viewedLayer ?? null;
  }

  arrived() {
    if (this.closed) return;
    const layer = this.run.layer(this.iteration, this.layerName);
    const end = this.run.layer(this.run.iterations.at(-1), this.layerName);
    if (layer && end && !this.view) {
      this.view = this.kind.firstView(end);
      this.place = placeOfChosen(this.run.manifest, end);
    } else if (layer && this.viewedLayer && this.viewedLayer.header.layer !== layer.header.layer) {
      this.view = this.kind.carry(this.view, this.viewedLayer, layer);
    }
    if (layer && this.view) this.viewedLayer = layer;
    this.tell(this.view ? "changed" : "waiting");
  }

  want() {
    for (const run of this.runs) {
      run.layer(run.iterations[run.nearest(this.iteration)], this.layerName);
      run.layer(run.iterations[0], this.layerName);
      run.layer(run.iterations[run.iterations.length - 1], this.layerName);
      run.prefetch(this.layerName, this.at);
    }
    this.arrived();
  }

  // -- what is on show ---------------------------------------------------------------------------

  /** Snapshot of a run that a picture shows: "first", "now" or "last". */
  indexOf(run, when) {
    if (when === "now") return run === this.run ? this.at : run.nearest(this.iteration);
    return when === "first" ? 0 : run.iterations.length - 1;
  }

  /** The query that is looked at, at a snapshot: a cell, or what the chosen object was matched to. */
  queryAt(run, index, layer) {
    const { objects, matches } = run.manifest;
    if (layer.isEncoder) {
      const level = this.kind.gridLevel(this.view, layer);
      const { row, column } = cellUnder(layer, level, this.place[0], this.place[1]);
      return queryOfCell(layer, level, row, column);
    }
    if (!objects.length) return Math.min(this.view.query, layer.header.queries - 1);
    const own = run === this.run ? this.chosen : this.sameObject(run);
    return matches[run.iterations[index]]?.[own] ?? 0;
  }

  /** The object of another run whose centre is nearest to that of the chosen one. */
  sameObject(run) {
    const centre = ([x0, y0, x1, y1]) => [(x0 + x1) / 2, (y0 + y1) / 2];
    const [x, y] = centre(this.run.manifest.objects[this.chosen].box_xyxy_px);
    const away = run.manifest.objects.map(({ box_xyxy_px: box }) => {
      const [otherX, otherY] = centre(box);
      return Math.hypot(otherX - x, otherY - y);
    });
    return Math.max(0, away.indexOf(Math.min(...away)));
  }

  /** What a stage needs to draw one picture, or null while its layer is on the way. */
  pictureState(run, when) {
    const index = this.indexOf(run, when);
    let layer = run.layer(run.iterations[index], this.layerName);
    if (!layer || !this.view) return null;
    const query = this.queryAt(run, index, layer);
    const paths = when === "now" && this.trails ? this.paths(run, index) : [];
    if (when === "now" && this.share > 0) layer = this.between(run, index, layer, query) ?? layer;
    const view = { ...this.kind.fit(this.view, layer), query };
    const { palette } = this;
    const state = pictureState({ layer, picture: run.picture, view, palette, paths });
    // Halos would hide what small points do in the small pictures.
    if (when !== "now") state.palette.halo = undefined;
    return state;
  }

  between(run, index, layer, query) {
    const next = run.layer(run.iterations[index + 1], this.layerName);
    if (!next) return null;
    return this.kind.blend(layer, query, next, this.queryAt(run, index + 1, next), this.share);
  }

  paths(run, index) {
    const steps = [];
    for (let step = 0; step <= index; step++) {
      const layer = run.layers.get(`${run.iterations[step]}/${run.ownName(this.layerName)}`);
      if (layer) steps.push([layer, this.queryAt(run, step, layer)]);
    }
    return this.kind.paths(steps, this.kind.fit(this.view, steps.at(-1)[0]));
  }

  // -- what can be done --------------------------------------------------------------------------

  seek(index, cause = null) {
    this.share = 0;
    if (this.beside) this.setBeside(false); // whoever moves the clock wants to see it
    const at = Math.max(0, Math.min(this.run.iterations.length - 1, index));
    if (at === this.at && !cause) return;
    this.at = at;
    this.causeTime = cause?.timeStamp ?? null;
    this.arrived();
  }

  /** A hand on the clock: what plays stands still, then goes there. */
  scrub(index, cause) {
    this.halt();
    this.seek(index, cause);
  }

  togglePlay() {
    if (this.playing !== null) {
      this.pause();
      return;
    }
    this.beside = false;
    if (this.at === this.run.iterations.length - 1) this.seek(0);
    let before = performance.now();
    const advance = (now) => {
      this.waits = !this.nextIsHere();
      this.share = this.waits ? 0 : this.share + ((now - before) * this.speed) / MS_PER_SNAPSHOT;
      before = now;
      if (this.share >= 1) {
        this.share %= 1;
        this.at++;
      }
      const over = this.at >= this.run.iterations.length - 1;
      if (over || this.runs.some((run) => run.problem)) {
        this.pause();
        return;
      }
      this.tell("changed");
      this.playing = requestAnimationFrame(advance);
    };
    this.playing = requestAnimationFrame(advance);
    this.tell("changed");
  }

  /** Whether the next snapshot can be shown, of every run; what is missing is asked for. */
  nextIsHere() {
    const next = this.run.iterations[this.at + 1];
    const between = (iteration) => iteration > this.iteration && iteration < next;
    if (this.run.manifest.coming.some(between)) return false;
    return this.runs.every(
      (run) =>
        !run.ownName(this.layerName) ||
        run.layer(run.iterations[run.nearest(next)], this.layerName),
    );
  }

  pause() {
    this.halt();
    this.arrived();
  }

  halt() {
    if (this.playing !== null) cancelAnimationFrame(this.playing);
    this.playing = null;
    this.waits = false;
    this.share = 0;
  }

  close() {
    this.halt();
    this.closed = true;
    for (const run of this.runs) run.queue = []; // what is on its way arrives, no more is asked for
  }

  setLayer(name) {
    this.layerName = name;
    this.want();
  }

  setView(patch) {
    if (!this.view) return;
    this.view = { ...this.view, ...patch };
    this.tell("changed");
  }

  /** Show or hide a head or level; `alone` shows only this one, or all again. */
  toggle(kind, index, alone) {
    const { layer, view } = this;
    const count = kind === "heads" ? layer.header.heads : layer.levels.length;
    const all = Array.from({ length: count }, (_, each) => each);
    const shown = view[kind];
    if (alone) this.setView({ [kind]: shown.length === 1 && shown[0] === index ? all : [index] });
    else {
      const rest = shown.includes(index)
        ? shown.filter((each) => each !== index)
        : [...shown, index];
      this.setView({ [kind]: rest.sort((a, b) => a - b) });
    }
  }

  showHeads(heads) {
    this.setView({ heads });
  }

  setTrails(on) {
    this.trails = on;
    if (on) this.run.prefetch(this.layerName, 0);
    this.tell("changed");
  }

  setBeside(on) {
    this.beside = on;
    if (on) this.halt();
    this.tell("changed");
  }

  choose(index) {
    this.chosen = index;
    if (this.view) this.setZoom(this.view.zoom);
    this.tell("changed");
  }

  /** Enlarge all pictures around what is asked for now; they show the same part. */
  setZoom(zoom) {
    const { layer } = this;
    if (!layer) return;
    const centre = layer.isEncoder
      ? this.place
      : centreOf(this.run.manifest.objects[this.chosen], layer);
    this.setView({ zoom, centre: zoom > 1 ? centre : null });
  }

  applyPreset(preset) {
    const { layerName, zoom, view } = this.kind.presetView(preset, this.run.manifest);
    this.pause();
    this.layerName = layerName ?? this.layerName;
    this.beside = preset.beside;
    this.want();
    this.setView(view);
    if (zoom) this.setZoom(zoom);
  }

  /** Whether what is on show is what a preset would show. */
  showsPreset(preset) {
    const { layerName, zoom, view } = this.kind.presetView(preset, this.run.manifest);
    return (
      (layerName ?? this.layerName) === this.layerName &&
      (zoom ?? this.view.zoom) === this.view.zoom &&
      preset.beside === this.beside &&
      Object.entries(view).every(([name, value]) => String(value) === String(this.view[name]))
    );
  }

  /** Point at a place of a picture, normalised: a cell of the encoder, or the object there. */
  pointAt(layer, [x, y]) {
    if (!layer.isEncoder && this.run.manifest.objects.length) {
      const index = objectAt(
        this.run.manifest.objects,
        applyAffine(layer.header.to_original, x, y),
      );
      if (index !== this.chosen) this.choose(index);
      return;
    }
    if (!layer.isEncoder) return;
    this.place = [x, y];
    this.tell("changed");
  }
}

/** The smallest box around a place in pixels of the picture, else the nearest centre. */
function objectAt(objects, [x, y]) {
  let best = 0;
  let least = Infinity;
  objects.forEach(({ box_xyxy_px: [x0, y0, x1, y1] }, index) => {
    const inside = x >= x0 && x <= x1 && y >= y0 && y <= y1;
    const away = Math.hypot((x0 + x1) / 2 - x, (y0 + y1) / 2 - y);
    const rank = inside ? ((x1 - x0) * (y1 - y0)) / 1e9 : 1 + away;
    if (rank < least) [best, least] = [index, rank];
  });
  return best;
}

/** Where is asked at first: what a grid says of itself, or the middle of the surest object. */
function placeOfChosen({ objects }, layer) {
  if (layer.header.kind === "grid") return layer.start(layer.header.start_query);
  return centreOf(
    objects.find(({ score }) => score >= SURE),
    layer,
  );
}

/** Middle of an object, normalised; of the picture where there is none. */
function centreOf(found, layer) {
  if (!found) return [0.5, 0.5];
  const [x0, y0, x1, y1] = found.box_xyxy_px;
  return applyAffine(layer.header.from_original, (x0 + x1) / 2 - 0.5, (y0 + y1) / 2 - 0.5);
}
