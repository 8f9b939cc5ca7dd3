// What an exported figure of sampling points says of itself.
import { say } from "../kit/words.js";
import { queryName } from "./queries.js";

/** What the picture shows, in one line, what to keep in mind, and what its signs mean. */
export function caption(scene, facts) {
  const { layer, view, query, mass } = scene;
  const { header } = layer;
  const what = [
    facts.title,
    header.model_label,
    header.layer,
    view.reverse ? say("canvas.sampling.caption.reverse") : queryName(layer, query),
    view.top ? say("canvas.sampling.caption.top", { count: view.top }) : "",
  ];
  return [
    what.filter(Boolean).join(" · "),
    [header.honesty_label, facts.note].filter(Boolean).join(" · "),
    view.reverse ? lookupSigns(scene) : sampleSigns(scene),
    view.mass && mass
      ? say("canvas.sampling.caption.mass", {
          level: mass.level,
          most: mass.ceiling.toPrecision(3),
        })
      : "",
  ].filter(Boolean);
}

function sampleSigns({ view, mostWeight }) {
  const colour = say(`canvas.sampling.caption.colour.${view.colour}`, {
    most: mostWeight.toFixed(3),
  });
  return say("canvas.sampling.caption.signs", { colour });
}

function lookupSigns({ lookup }) {
  if (!lookup) return say("canvas.sampling.caption.no_place");
  const { ranked, row, column, level } = lookup;
  const most = (ranked[0]?.amount ?? 0).toFixed(3);
  return say("canvas.sampling.caption.readers", { row, column, level, most });
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
        ["circle", places.picture, say("canvas.sampling.place.picture")],
        ["circle", places.padding, say("canvas.sampling.place.padding")],
        ["circle", places.outside, say("canvas.sampling.place.outside")],
      ],
    }[view.colour] ?? [];
  const shapes = view.levels.map((level) => [
    marks[level % marks.length],
    view.colour === "level" ? levels[level] : paper,
    say("canvas.sampling.level", { level }),
  ]);
  return [...colours, ...shapes];
}
