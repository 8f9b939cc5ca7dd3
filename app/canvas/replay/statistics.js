// Which numbers change over training, and how the manifest's nested lists become lines.

/** Statistics by key: what to call them, and what one is to think of. */
export const STATISTICS = {
  loss: { name: "Loss", hint: "What training lowers; mean of neighbouring iterations" },
  scores: { name: "Scores", hint: "On held-out scenes, at each snapshot" },
  spread: {
    name: "Spread of offsets",
    hint: "Standard deviation over queries; the star has none: every query looks the same way",
  },
  displacement: {
    name: "Way from the start",
    hint: "Mean distance of offsets from where they began, in their own unit",
    grid: "Mean distance of knots from the regular grid, in cells, on this picture",
  },
  entropy: {
    name: "Entropy of weights",
    hint: "In nats; high: all points count alike, low: a few decide",
  },
  heaviest: { name: "Heaviest weight", hint: "Largest weight of a query, mean over queries" },
  level_share: { name: "Share of each level", hint: "How the weight is shared out among levels" },
  inside_share: {
    name: "Weight inside the object",
    hint: "Share of weight that falls into the box of the query's own object",
    grid: "Share of the attention that is read on the object, on this picture",
  },
  inside_points: {
    name: "Points inside the object",
    hint: "Share of points in that box, whatever their weight",
  },
  outside_share: {
    name: "Weight outside the map",
    hint: "Share of weight on points beyond the picture, where zeros are read",
  },
};
export const GROUPINGS = {
  heads: "one line per head",
  levels: "one line per level",
  layers: "one line per layer",
};
const PER_LEVEL = ["spread", "displacement", "level_share"];
const SCORE_NAMES = {
  ap: "AP",
  ap50: "AP50",
  ap75: "AP75",
  accuracy: "accuracy",
  attention_on_object: "attention on the object",
  knots_on_object: "knots on the object",
  undeformed_on_object: "regular grid's knots on it",
};

/** The statistics a run has. */
export function statisticsOf(manifest) {
  const { curves, loss } = manifest;
  return Object.keys(STATISTICS).filter((key) => {
    if (key === "loss") return loss[0].length > 0;
    if (key === "scores") return Object.keys(curves?.scores ?? {}).length > 0;
    return Object.values(curves?.layers ?? {}).some((layer) =>
      layer[key]?.flat(2).some((v) => v !== null),
    );
  });
}

/** What the numbers of a statistic are, in a sentence. */
export function hintOf(manifest, statistic) {
  const known = STATISTICS[statistic];
  return (manifest.kind === "dat" && known?.grid) || (known?.hint ?? "");
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
    return [{ name: "loss", colour: null, points: loss[0].map((at, i) => [at, loss[1][i]]) }];
  if (!curves) return [];
  const along = (values) => curves.iterations.map((at, i) => [at, values(i) ?? null]);
  if (statistic === "scores") {
    return Object.entries(curves.scores).map(([key, values], index) => ({
      name: SCORE_NAMES[key] ?? key,
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
      name: `level ${level}`,
      colour: palette.levels[level],
      points: along((i) => pick(values[i], heads, [level])),
    }));
  }
  return heads.map((head) => ({
    name: `head ${head}`,
    colour: palette.heads[head % palette.heads.length],
    points: along((i) => pick(values[i], [head], levels)),
  }));
}
