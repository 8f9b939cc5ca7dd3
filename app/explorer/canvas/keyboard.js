// One key, one action. The help overlay prints this very list.

const on = (property) => (explorer) => explorer.setView({ [property]: !explorer.view[property] });

const KEYS = [
  {
    keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"],
    show: "← → ↑ ↓",
    does: "move the query (or the looked-up cell)",
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
    keys: [",", "."],
    show: ", .",
    does: "step through the points by weight",
    run: (explorer, event) => explorer.stepPoint(event.key === "." ? 1 : -1),
  },
  {
    keys: ["digit"],
    show: "0–9",
    does: "show or hide a head; with Shift only that one",
    run: (explorer, event) => explorer.toggle("heads", Number(event.code.at(-1)), event.shiftKey),
  },
  {
    keys: ["[", "]"],
    show: "[ ]",
    does: "previous and next layer",
    needsPage: true,
    run: (explorer, event) => explorer.step(event.key === "]" ? 1 : -1),
  },
  {
    keys: ["l"],
    show: "L",
    does: "grid level: whose cells are queries, mass and look-up",
    run: (explorer) => explorer.setLevel((explorer.view.level + 1) % explorer.layer.levels.length),
  },
  { keys: ["m"], show: "M", does: "sampling mass of all queries", run: on("mass") },
  {
    keys: ["r"],
    show: "R",
    does: "reverse look-up: who reads this place?",
    run: (explorer) => explorer.toggleReverse(),
  },
  {
    keys: ["z"],
    show: "Z",
    does: "enlarge around the query: 2, 4, 1 times",
    run: (explorer) => explorer.cycleZoom(),
  },
  {
    keys: ["Escape"],
    show: "Esc",
    does: "show everything again, let the query go",
    run: (explorer) => explorer.reset(),
  },
  { keys: ["?"], show: "?", does: "this help", run: (explorer) => explorer.tell("help") },
];

/** The keys that do something here: an offline page has one layer only, a grid has its own. */
export function activeKeys(explorer) {
  return (explorer.keys ?? KEYS).filter(({ needsPage }) => explorer.step || !needsPage);
}

function keyName(event) {
  if (/^(Digit|Numpad)\d$/.test(event.code)) return "digit";
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

/** Keys act anywhere in the component, except where a control needs them itself. */
export function listenToKeys(explorer, root) {
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !explorer.layer) return;
    const target = event.composedPath()[0];
    if (target.closest?.("select, input, dialog")) return;
    const entry = activeKeys(explorer).find(({ keys }) => keys.includes(keyName(event)));
    if (!entry || (entry.stageOnly && target !== explorer.stage.root)) return;
    event.preventDefault();
    event.stopPropagation();
    entry.run(explorer, event);
  });
}
