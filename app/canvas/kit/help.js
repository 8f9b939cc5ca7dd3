// The overlay behind "?": keys, signs, and what the picture does not say.
import { element } from "./elements.js";
import { activeKeys } from "./keyboard.js";
import { say } from "./words.js";

/**
 * @param {import("./keyboard.js").KeyAction[]} keys
 * @param {{ sign: string, means: string }[]} signs keys of words: a sign, and what it means
 */
export function helpDialog(explorer, keys, signs) {
  const rows = (entries) =>
    entries.map(([name, text]) =>
      element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, say(text))),
    );
  const terms = Object.values(explorer.terms ?? {}).map(({ word, means }) => [word, means]);
  const shown = activeKeys(explorer, keys).map(({ show, does }) => [show, does]);
  const dialog = element(
    "dialog",
    { class: "dv-help", "aria-label": say("canvas.kit.help.title") },
    element(
      "form",
      { method: "dialog" },
      element(
        "header",
        {},
        element("h3", {}, say("canvas.kit.help.title")),
        element("button", { class: "dv-button" }, say("canvas.kit.help.close")),
      ),
      element("h4", {}, say("canvas.kit.help.pointer_title")),
      element("p", {}, say("canvas.kit.help.pointer")),
      element("h4", {}, say("canvas.kit.help.keys")),
      element("table", {}, ...rows(shown)),
      element("h4", {}, say("canvas.kit.help.signs")),
      element("table", {}, ...rows(signs.map(({ sign, means }) => [say(sign), means]))),
      ...(terms.length ? [element("h4", {}, say("canvas.kit.help.terms"))] : []),
      element("table", {}, ...rows(terms)),
    ),
  );
  explorer.addEventListener("help", () => dialog.showModal());
  return dialog;
}
