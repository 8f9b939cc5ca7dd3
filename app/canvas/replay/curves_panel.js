// The curves: choose a statistic, see its lines, hover to take the pictures there.
import { chooser, element, setText } from "../kit/elements.js";
import { say } from "../kit/words.js";
import { Chart } from "./chart.js";
import {
  groupingsOf,
  hintOf,
  linesOf,
  nameOf,
  statisticsOf,
  statisticToShow,
} from "./statistics.js";

export class CurvesPanel {
  constructor(replayer) {
    this.replayer = replayer;
    this.statistic = null;
    this.wanted = null; // a statistic that somebody chose, or watches grow
    this.grouping = "heads";
    this.shown = null; // what the lines were drawn of
    this.offered = null;
    this.offeredGrouping = null;
    this.lines = [];
    this.select = chooser(say("canvas.replay.statistic"), (statistic) =>
      this.choose({ statistic, wanted: statistic }),
    );
    this.group = chooser(say("canvas.replay.lines"), (grouping) => this.choose({ grouping }));
    this.hint = element("span", { class: "dv-quiet dr-hint" });
    this.chart = new Chart((iteration, event) =>
      replayer.scrub(replayer.run.nearest(iteration), event),
    );
    this.values = element("div", { class: "dr-values" });
    this.root = element(
      "section",
      { class: "dr-curves", "aria-label": say("canvas.replay.curves") },
      element("div", { class: "dv-group" }, this.select, this.group, this.hint),
      this.chart.root,
      this.values,
    );
    replayer.addEventListener("changed", () => this.update());
  }

  choose(change) {
    Object.assign(this, change);
    this.shown = null;
    this.update();
  }

  update() {
    const { replayer } = this;
    const { manifest } = replayer.run;
    if (!replayer.view) return;
    this.offer(manifest);
    const key = JSON.stringify([
      this.statistic,
      this.grouping,
      replayer.layerName,
      replayer.view.heads,
      replayer.view.levels,
      replayer.runs.map((run) => [run.manifest.address, run.manifest.version]),
    ]);
    if (key !== this.shown) this.draw(key);
    else this.chart.moveTo(replayer.iteration);
    this.describe();
  }

  /** Only what the run has, and only groupings that mean something. */
  offer(manifest) {
    const known = statisticsOf(manifest);
    if (manifest.growing) this.wanted ??= "loss"; // and who watched it goes on to, at the end
    this.statistic = statisticToShow(known, this.wanted, this.replayer.kind.firstStatistic);
    const options = (names, chosen) =>
      Object.entries(names).map(([value, name]) =>
        element("option", { value, selected: value === chosen }, name),
      );
    const text = `${known} ${this.statistic}`;
    if (text === this.offered && this.offeredGrouping === this.grouping) return;
    [this.offered, this.offeredGrouping] = [text, this.grouping];
    this.select.replaceChildren(
      ...options(Object.fromEntries(known.map((key) => [key, nameOf(key)])), this.statistic),
    );
    const groupings = groupingsOf(manifest, this.statistic);
    if (groupings.length && !groupings.includes(this.grouping)) this.grouping = groupings[0];
    this.group.hidden = !groupings.length;
    this.group.replaceChildren(
      ...options(
        Object.fromEntries(groupings.map((each) => [each, say(`canvas.replay.grouping.${each}`)])),
        this.grouping,
      ),
    );
    setText(this.hint, hintOf(manifest, this.statistic));
  }

  draw(key) {
    const { replayer } = this;
    const chosen = {
      statistic: this.statistic,
      grouping: this.grouping,
      heads: replayer.view.heads,
      levels: replayer.view.levels,
    };
    const layerOf = (run) => ({ layerName: run.ownName(replayer.layerName) });
    this.lines = replayer.runs.flatMap((run, index) =>
      linesOf(run.manifest, { ...chosen, ...layerOf(run) }, replayer.palette)
        .filter((line) => line.points.some(([, value]) => value !== null))
        .map((line) => ({ ...line, run: index, dashed: index > 0 })),
    );
    const label = say("canvas.replay.curves.spoken", {
      statistic: this.statistic ? nameOf(this.statistic) : "–",
      count: this.lines.length,
    });
    this.chart.show(this.lines, label, replayer.iteration);
    this.shown = key;
  }

  /** Numbers at the cursor. */
  describe() {
    const { replayer } = this;
    const at = replayer.iteration;
    const entries = this.lines.map((line) => {
      const [, value] = line.points.reduce(
        (best, point) => (Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best),
        line.points[0] ?? [0, null],
      );
      const swatch = element("i", { class: "dr-swatch" });
      if (line.colour) swatch.style.background = line.colour;
      const second = line.run ? `, ${replayer.runs[line.run].manifest.title}` : "";
      return element(
        "span",
        {},
        swatch,
        `${line.name}${second} `,
        element("b", {}, value === null ? "–" : String(Number(value.toPrecision(3)))),
      );
    });
    this.values.replaceChildren(...entries);
  }

  close() {
    this.chart.close();
  }
}
