// The door of the head atlas: what surrounds the maps, and how they are opened.
import { door, openOffline } from "../kit/door.js";
import { chooser, element, labelled, offerOptions } from "../kit/elements.js";
import { plainTools } from "../kit/export.js";
import { HELP_KEY, arrowKeys, pinKey } from "../kit/keyboard.js";
import { Page } from "../kit/page.js";
import { countTo } from "../kit/view.js";
import { say, signOf } from "../kit/words.js";
import { ATLAS } from "./canvas.js";
import { AtlasExplorer } from "./explorer.js";

const SIGNS = [
  signOf("canvas.atlas.sign.map"),
  signOf("canvas.atlas.sign.cross"),
  signOf("canvas.atlas.sign.box"),
  signOf("canvas.atlas.sign.rim"),
];

/** Which level's maps are shown. */
function levelChooser(explorer) {
  const select = chooser(say("canvas.atlas.level.title"), (value) =>
    explorer.setView({ level: value === "" ? null : Number(value) }),
  );
  explorer.on("changed", () => {
    const levels = countTo(explorer.layer.levels.length).map((level) => [
      String(level),
      say("canvas.atlas.level.one", { level }),
    ]);
    const { level } = explorer.view;
    offerOptions(select, [["", say("canvas.atlas.level.all")], ...levels], String(level ?? ""));
  });
  return labelled(say("canvas.atlas.level"), select);
}

const SURROUNDINGS = {
  Explorer: AtlasExplorer,
  keys: [arrowKeys("canvas.atlas.key.move"), pinKey("canvas.atlas.key.pin"), HELP_KEY],
  signs: SIGNS,
  build(explorer, facts) {
    const chosen = element("div", { class: "dv-group" }, levelChooser(explorer));
    return { scale: "", below: [plainTools(explorer, facts, chosen)] };
  },
};

const { render, streamlit } = door((data, tell) => new Page(ATLAS, SURROUNDINGS, data, tell));
openOffline(render);
export default { render };
export { streamlit };
