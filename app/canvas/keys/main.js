// The door of the five attentions: what surrounds the pictures, and how they are opened.
import { door, openOffline } from "../kit/door.js";
import { plainTools } from "../kit/export.js";
import { setPressed } from "../kit/elements.js";
import { HELP_KEY, arrowKeys, letterKey, pinKey } from "../kit/keyboard.js";
import { Page } from "../kit/page.js";
import { toggleOf } from "../kit/toolbar.js";
import { signOf } from "../kit/words.js";
import { KEYS } from "./canvas.js";
import { KeysExplorer } from "./explorer.js";

const SIGNS = [
  signOf("canvas.keys.sign.dot"),
  signOf("canvas.keys.sign.disc"),
  signOf("canvas.keys.sign.cell"),
  signOf("canvas.keys.sign.ring"),
];

const leaveOther = (explorer) => explorer.leaveOther();

const SURROUNDINGS = {
  Explorer: KeysExplorer,
  keys: [
    arrowKeys("canvas.keys.key.move"),
    pinKey("canvas.keys.key.pin"),
    letterKey("o", "canvas.keys.key.other", leaveOther),
    HELP_KEY,
  ],
  signs: SIGNS,
  build(explorer, facts) {
    const other = toggleOf(explorer, "canvas.keys.other", "other", "O", leaveOther);
    explorer.on("changed", () => setPressed(other, explorer.view.other !== null));
    return { scale: "", below: [plainTools(explorer, facts, other)] };
  },
};

const { render, streamlit } = door((data, tell) => new Page(KEYS, SURROUNDINGS, data, tell));
openOffline(render);
export default { render };
export { streamlit };
