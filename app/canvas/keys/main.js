// The door of the five attentions: what surrounds the pictures, and how they are opened.
import { door, openOffline } from "../kit/door.js";
import { plainTools } from "../kit/export.js";
import { HELP_KEY, arrowKeys, pinKey } from "../kit/keyboard.js";
import { Page } from "../kit/page.js";
import { signOf } from "../kit/words.js";
import { KEYS } from "./canvas.js";
import { KeysExplorer } from "./explorer.js";

const SIGNS = [
  signOf("canvas.keys.sign.dot"),
  signOf("canvas.keys.sign.disc"),
  signOf("canvas.keys.sign.cell"),
];

const SURROUNDINGS = {
  Explorer: KeysExplorer,
  keys: [arrowKeys("canvas.keys.key.move"), pinKey("canvas.keys.key.pin"), HELP_KEY],
  signs: SIGNS,
  build(explorer, facts) {
    return { scale: "", below: [plainTools(explorer, facts)] };
  },
};

const { render, streamlit } = door((data, tell) => new Page(KEYS, SURROUNDINGS, data, tell));
openOffline(render);
export default { render };
export { streamlit };
