// Keys of a deformed grid, and what its signs mean; help prints both.

const flip = (property) => (explorer) => explorer.setView({ [property]: !explorer.view[property] });

export const GRID_KEYS = [
  {
    keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"],
    show: "← → ↑ ↓",
    does: "move the query",
    stageOnly: true,
    run: (explorer, event) => {
      const [x, y] = {
        ArrowLeft: [-1, 0],
        ArrowRight: [1, 0],
        ArrowUp: [0, -1],
        ArrowDown: [0, 1],
      }[event.key];
      explorer.moveQuery(x, y);
    },
  },
  {
    keys: ["Enter"],
    show: "Enter",
    does: "pin the query, or let the pointer preview others",
    stageOnly: true,
    run: (explorer) => explorer.togglePin(),
  },
  {
    keys: [" "],
    show: "Space",
    does: "play the deformation, or undo it",
    stageOnly: true,
    run: (explorer) => explorer.play(),
  },
  {
    keys: [",", "."],
    show: ", .",
    does: "step through the knots by weight",
    run: (explorer, event) => explorer.stepPoint(event.key === "." ? 1 : -1),
  },
  {
    keys: ["digit"],
    show: "0–9",
    does: "show or hide a head; with Shift only that one",
    run: (explorer, event) => explorer.toggle("heads", Number(event.code.at(-1)), event.shiftKey),
  },
  {
    keys: ["g"],
    show: "G",
    does: "next group of heads, then all",
    run: (explorer) => explorer.nextGroup(),
  },
  {
    keys: ["i"],
    show: "I",
    does: "importance: attention averaged over all queries",
    run: flip("importance"),
  },
  {
    keys: ["b"],
    show: "B",
    does: "the position bias as a surface",
    run: (explorer) => explorer.layer.surface && flip("surface")(explorer),
  },
  { keys: ["s"], show: "S", does: "regular and deformed grid side by side", run: flip("split") },
  {
    keys: ["o"],
    show: "O",
    does: "outline of the object, where it is known",
    run: (explorer) => explorer.layer.mask && flip("object")(explorer),
  },
  {
    keys: ["[", "]"],
    show: "[ ]",
    does: "previous and next layer",
    needsPage: true,
    run: (explorer, event) => explorer.step(event.key === "]" ? 1 : -1),
  },
  {
    keys: ["Escape"],
    show: "Esc",
    does: "everything as at first, let the query go",
    run: (explorer) => explorer.reset(),
  },
  { keys: ["?"], show: "?", does: "this help", run: (explorer) => explorer.tell("help") },
];

export const GRID_SIGNS = [
  ["mesh", "the grid of one group of heads: its knots are the only places these heads can read"],
  ["small dots, dashed arrows", "where each knot would lie undeformed, and how far it moved"],
  [
    "disc",
    "a knot; colour: the head, area: its attention weight. The weights of a head sum to 1 over all knots",
  ],
  ["lines", "from the query to its heaviest knots"],
  ["white cross", "where the query's displacements start, as the position bias counts them"],
  ["hollow disc at the edge", "a knot beyond the map: it reads zeros"],
  [
    "surface",
    "what the position bias would add for a knot at that place, mean over the shown heads",
  ],
];
