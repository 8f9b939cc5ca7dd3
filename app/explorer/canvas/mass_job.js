// Sampling mass in slices: at once where it is quick, over several frames where it is not.
import { samplingMass } from "./bilinear.js";
import { massCeiling, massImage } from "./layer_field.js";

const SLICE_MS = 60;

export class MassJob {
  constructor(onReady, onProgress) {
    Object.assign(this, { onReady, onProgress, result: null, key: null, timer: null });
  }

  /** Have `result` hold the mass of this layer, level and heads; does nothing if it does already. */
  request(layer, level, heads, table) {
    const key = [level, ...heads].join();
    if (this.key === key && this.layer === layer) return;
    this.cancel();
    Object.assign(this, { key, layer, started: performance.now() });
    this.run(samplingMass(layer, level, heads), (mass) => {
      mass.ceiling = massCeiling(mass.grid);
      mass.image = massImage(mass, layer.levels[level], table);
      mass.milliseconds = performance.now() - this.started;
      this.result = mass;
    });
  }

  run(work, finish) {
    const until = performance.now() + SLICE_MS;
    let step = work.next();
    while (!step.done && performance.now() < until) step = work.next();
    if (step.done) {
      finish(step.value);
      this.onProgress(1);
      this.onReady();
      return;
    }
    this.onProgress(step.value);
    this.timer = setTimeout(() => this.run(work, finish));
  }

  cancel() {
    clearTimeout(this.timer);
    Object.assign(this, { key: null, layer: null });
  }
}
