// The door of the five attentions: what surrounds the pictures, and how they are opened.
import { door, openOffline } from "../kit/door.js";
import { element } from "../kit/elements.js";
import { fileMenu, linkAndHelp, offlineFile, pictureFiles } from "../kit/export.js";
import { HELP_KEY, arrowKeys, pinKey } from "../kit/keyboard.js";
import { Page } from "../kit/page.js";
import { say, signOf } from "../kit/words.js";
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
    const files = [...pictureFiles(explorer, facts), ...offlineFile(explorer, facts)];
    const complain = (text) => explorer.tell("notice", { text, lasting: true });
    const end = element(
      "div",
      { class: "dv-group dv-group-end" },
      fileMenu(files, complain),
      ...linkAndHelp(explorer, facts),
    );
    const group = { class: "dv-toolbar", role: "group", "aria-label": say("canvas.kit.controls") };
    return { scale: "", below: [element("div", group, end)] };
  },
};

const { render, streamlit } = door((data, tell) => new Page(KEYS, SURROUNDINGS, data, tell));
openOffline(render);
export default { render };
export { streamlit };
