// The door of dense attention: what surrounds the pictures, and how they are opened.
import { door, openOffline } from "../kit/door.js";
import { element } from "../kit/elements.js";
import { plainTools } from "../kit/export.js";
import { HELP_KEY, LAYER_KEYS, arrowKeys, pinKey } from "../kit/keyboard.js";
import { Page } from "../kit/page.js";
import { say, signOf } from "../kit/words.js";
import { DENSE } from "./canvas.js";
import { DenseExplorer } from "./explorer.js";

const SIGNS = [
  signOf("canvas.dense.sign.map"),
  signOf("canvas.dense.sign.lines"),
  signOf("canvas.dense.sign.query"),
];

const SURROUNDINGS = {
  Explorer: DenseExplorer,
  keys: [arrowKeys("canvas.dense.key.move"), pinKey("canvas.dense.key.pin"), LAYER_KEYS, HELP_KEY],
  signs: SIGNS,
  build(explorer, facts) {
    const scale = element("div", { class: "dv-dense-scale" }, say("canvas.dense.scale"));
    return { scale, below: [plainTools(explorer, facts)] };
  },
};

const { render, streamlit } = door((data, tell) => new Page(DENSE, SURROUNDINGS, data, tell));
openOffline(render);
export default { render };
export { streamlit };
