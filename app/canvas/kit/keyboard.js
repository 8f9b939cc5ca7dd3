// One key, one action. Each picture brings its list; the help overlay prints that very list.

/**
 * @typedef {object} KeyAction
 * @property {string[]} keys as `KeyboardEvent.key` names them, letters small; "digit" for 0 to 9
 * @property {string} show how the help names them
 * @property {string} does the key of its words
 * @property {(explorer: any, event: KeyboardEvent) => void} run
 * @property {boolean} [stageOnly] only while the picture itself has the focus
 * @property {boolean} [needsPage] only where there are other layers
 */

const STEPS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** An action that turns a property of the view on or off. */
export const flip = (property) => (explorer) =>
  explorer.setView({ [property]: !explorer.view[property] });

/**
 * The key of a letter.
 * @returns {KeyAction}
 */
export const letterKey = (letter, does, run) => ({
  keys: [letter],
  show: letter.toUpperCase(),
  does,
  run,
});

/** @returns {KeyAction} */
export const arrowKeys = (does) => ({
  keys: Object.keys(STEPS),
  show: "← → ↑ ↓",
  does,
  stageOnly: true,
  run: (explorer, event) => explorer.moveQuery(...STEPS[event.key]),
});

/** @returns {KeyAction} */
export const pinKey = (does) => ({
  keys: ["Enter"],
  show: "Enter",
  does,
  stageOnly: true,
  run: (explorer) => explorer.togglePin(),
});

/** @returns {KeyAction} */
export const pointKeys = (does) => ({
  keys: [",", "."],
  show: ", .",
  does,
  run: (explorer, event) => explorer.stepPoint(event.key === "." ? 1 : -1),
});

/** @type {KeyAction} */
export const HEAD_KEYS = {
  keys: ["digit"],
  show: "0–9",
  does: "canvas.kit.key.heads",
  run: (explorer, event) => explorer.toggle("heads", Number(event.code.at(-1)), event.shiftKey),
};

/** @type {KeyAction} */
export const LAYER_KEYS = {
  keys: ["[", "]"],
  show: "[ ]",
  does: "canvas.kit.key.layers",
  needsPage: true,
  run: (explorer, event) => explorer.step(event.key === "]" ? 1 : -1),
};

/** @returns {KeyAction} */
export const resetKey = (does) => ({
  keys: ["Escape"],
  show: "Esc",
  does,
  run: (explorer) => explorer.reset(),
});

/** @type {KeyAction} */
export const HELP_KEY = {
  keys: ["?"],
  show: "?",
  does: "canvas.kit.key.help",
  run: (explorer) => explorer.tell("help"),
};

/** The keys that do something here: an offline page has one layer only. */
export function activeKeys(explorer, keys) {
  return keys.filter(({ needsPage }) => explorer.step || !needsPage);
}

function keyName(event) {
  if (/^(Digit|Numpad)\d$/.test(event.code)) return "digit";
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

/** Keys act anywhere in the component, except where a control needs them itself. */
export function listenToKeys(explorer, keys, root) {
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !explorer.layer) return;
    const target = event.composedPath()[0];
    if (target.closest?.("select, input, dialog")) return;
    const entry = activeKeys(explorer, keys).find((action) => action.keys.includes(keyName(event)));
    if (!entry || (entry.stageOnly && target !== explorer.stage.root)) return;
    event.preventDefault();
    event.stopPropagation();
    entry.run(explorer, event);
  });
}
