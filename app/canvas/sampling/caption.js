// What an exported figure of sampling points says of itself.
import { queryName } from "./queries.js";

const MADE = "Made with deformviz.";

/** What the picture shows, in one line, what to keep in mind, and what its signs mean. */
export function caption(scene, facts) {
  const { layer, view, query, mass } = scene;
  const { header } = layer;
  const what = [
    facts.title,
    header.model_label,
    header.layer,
    view.reverse ? "reverse look-up" : queryName(layer, query),
    view.top ? `the ${view.top} heaviest points` : "",
  ];
  return [
    what.filter(Boolean).join(" · "),
    [header.honesty_label, facts.note].filter(Boolean).join(" · "),
    view.reverse ? lookupSigns(scene) : sampleSigns(scene),
    view.mass && mass
      ? `Map: sampling mass per cell of level ${mass.level}, dark 0 to light ` +
        `${mass.ceiling.toPrecision(3)} and more.`
      : "",
  ].filter(Boolean);
}

function sampleSigns({ view, mostWeight }) {
  const colour = {
    head: "head",
    level: "level",
    weight: `attention weight, dark 0 to light ${mostWeight.toFixed(3)}`,
    outside: "in or out of the map",
  }[view.colour];
  return `Colour: ${colour}. Shape: level. Area: attention weight. Cross: reference. ${MADE}`;
}

function lookupSigns({ lookup }) {
  if (!lookup) return `No place is looked up. ${MADE}`;
  const { ranked, row, column, level } = lookup;
  const most = (ranked[0]?.amount ?? 0).toFixed(3);
  return `Queries that read cell (${row}, ${column}) of level ${level}, dark 0 to light ${most}. ${MADE}`;
}

/** Legend terms for what the colours and shapes of this picture mean. */
export function legendTerms({ view, palette }) {
  if (view.reverse) return [];
  const { paper } = palette.light;
  const { heads, places, marks, levels } = palette;
  const colours =
    {
      head: view.heads.map((head) => ["circle", heads[head % heads.length], `h${head}`]),
      outside: [
        ["circle", places.picture, "in the picture"],
        ["circle", places.padding, "in the padding"],
        ["circle", places.outside, "outside the map"],
      ],
    }[view.colour] ?? [];
  const shapes = view.levels.map((level) => [
    marks[level % marks.length],
    view.colour === "level" ? levels[level] : paper,
    `level ${level}`,
  ]);
  return [...colours, ...shapes];
}
