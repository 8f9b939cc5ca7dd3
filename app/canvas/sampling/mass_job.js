// Sampling mass in slices: at once where it is quick, over several frames where it is not.
import { scaledMass } from "./amounts.js";

const SLICE_MS = 60;

export class MassJob {
  /**
   * @param {() => void} onReady
   * @param {(share: number) => void} onProgress
   */
  constructor(onReady, onProgress) {
    this.onReady = onReady;
    this.onProgress = onProgress;
    this.result = null;
    this.key = null;
    this.layer = null;
    this.timer = null;
  }

  /** Have `result` hold the mass of this layer, level and heads; does nothing if it does already. */
  request(layer, level, heads) {
    const key = [level, ...heads].join();
    if (this.key === key && this.layer === layer) return;
    this.cancel();
    Object.assign(this, { key, layer });
    this.run(scaledMass(layer, level, heads));
  }

  run(work) {
    const until = performance.now() + SLICE_MS;
    let step = work.next();
    while (!step.done && performance.now() < until) step = work.next();
    if (step.done) {
      this.result = step.value;
      this.onProgress(1);
      this.onReady();
      return;
    }
    this.onProgress(step.value);
    this.timer = setTimeout(() => this.run(work));
  }

  cancel() {
    clearTimeout(this.timer);
    Object.assign(this, { key: null, layer: null });
  }
}
