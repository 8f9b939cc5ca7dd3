// Which numbers change over training, and how the manifest's nested lists become lines.
import { say } from "../kit/words.js";

/** What can be shown; names and hints are words. */
const STATISTICS = [
  "loss",
  "scores",
  "spread",
  "displacement",
  "entropy",
  "heaviest",
  "level_share",
  "inside_share",
  "inside_points",
  "outside_share",
];
const OTHER_ON_GRIDS = ["displacement", "inside_share"]; // another thing of a deformed grid
const PER_LEVEL = ["spread", "displacement", "level_share"];

/** The statistics a run has. */
export function statisticsOf(manifest) {
  const { curves, loss } = manifest;
  return STATISTICS.filter((key) => {
    if (key === "loss") return loss[0].length > 0;
    if (key === "scores") return Object.keys(curves?.scores ?? {}).length > 0;
    return Object.values(curves?.layers ?? {}).some((layer) =>
      layer[key]?.flat(2).some((v) => v !== null),
    );
  });
}

/** What is wanted, else the kind's own first: one that is measured while the page is open takes
 * the place of what stood in for it. */
export function statisticToShow(known, wanted, first) {
  return [wanted, first, ...known].find((each) => known.includes(each)) ?? null;
}

const SCORES = [
  "ap",
  "ap50",
  "ap75",
  "accuracy",
  "attention_on_object",
  "knots_on_object",
  "undeformed_on_object",
];
const scoreName = (key) => (SCORES.includes(key) ? say(`canvas.replay.score.${key}`) : key);

/** A statistic in words. */
export const nameOf = (statistic) => say(`canvas.replay.statistic.${statistic}`);

/** What the numbers of a statistic are, in a sentence. */
export function hintOf(manifest, statistic) {
  if (!statistic) return "";
  const other = manifest.kind === "dat" && OTHER_ON_GRIDS.includes(statistic);
  return say(`canvas.replay.statistic.${statistic}.hint${other ? ".grid" : ""}`);
}

export function groupingsOf(manifest, statistic) {
  if (statistic === "loss" || statistic === "scores") return [];
  return manifest.levels > 1 && PER_LEVEL.includes(statistic)
    ? ["heads", "levels", "layers"]
    : ["heads", "layers"];
}

function meanOf(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

/** One number of a snapshot: over the heads and levels given. */
function pick(values, heads, levels) {
  return meanOf(
    heads.flatMap((head) =>
      Array.isArray(values?.[head]) ? levels.map((level) => values[head][level]) : [values?.[head]],
    ),
  );
}

/**
 * Lines of a statistic: [{ name, colour, points [[iteration, value | null], ..] }].
 * `chosen` is { statistic, grouping, layerName, heads, levels }.
 */
export function linesOf(manifest, chosen, palette) {
  const { statistic, grouping, layerName, heads, levels } = chosen;
  const { curves, loss } = manifest;
  if (statistic === "loss")
    return [
      {
        name: say("canvas.replay.line.loss"),
        colour: null,
        points: loss[0].map((at, i) => [at, loss[1][i]]),
      },
    ];
  if (!curves) return [];
  const along = (values) => curves.iterations.map((at, i) => [at, values(i) ?? null]);
  if (statistic === "scores") {
    return Object.entries(curves.scores).map(([key, values], index) => ({
      name: scoreName(key),
      colour: palette.heads[index],
      points: along((i) => values[i]),
    }));
  }
  if (grouping === "layers") {
    return Object.entries(curves.layers).map(([name, layer], index) => ({
      name: manifest.layer_titles[name] ?? name,
      colour: palette.heads[index % palette.heads.length],
      points: along((i) => pick(layer[statistic][i], heads, levels)),
    }));
  }
  const values = curves.layers[layerName]?.[statistic];
  if (!values) return [];
  if (grouping === "levels") {
    return levels.map((level) => ({
      name: say("canvas.sampling.level", { level }),
      colour: palette.levels[level],
      points: along((i) => pick(values[i], heads, [level])),
    }));
  }
  return heads.map((head) => ({
    name: say("canvas.replay.line.head", { head }),
    colour: palette.heads[head % palette.heads.length],
    points: along((i) => pick(values[i], [head], levels)),
  }));
}
