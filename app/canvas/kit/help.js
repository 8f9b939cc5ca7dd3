// The overlay behind "?": keys, signs, and what the picture does not say.
import { element } from "./elements.js";
import { activeKeys } from "./keyboard.js";

const POINTER =
  "Move over the picture to preview other queries. Click or tap to pin one: it is held, and " +
  "the pointer reads its points. Click the same place again to let it go.";

/**
 * @param {import("./keyboard.js").KeyAction[]} keys
 * @param {[string, string][]} signs what each sign means
 */
export function helpDialog(explorer, keys, signs) {
  const rows = (entries) =>
    entries.map(([name, text]) =>
      element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, text)),
    );
  const shown = activeKeys(explorer, keys).map(({ show, does }) => [show, does]);
  const dialog = element(
    "dialog",
    { class: "dv-help", "aria-label": "Keys and signs" },
    element(
      "form",
      { method: "dialog" },
      element(
        "header",
        {},
        element("h3", {}, "Keys and signs"),
        element("button", { class: "dv-button" }, "Close"),
      ),
      element("h4", {}, "Pointer"),
      element("p", {}, POINTER),
      element("h4", {}, "Keys"),
      element("table", {}, ...rows(shown)),
      element("h4", {}, "Signs"),
      element("table", {}, ...rows(signs)),
    ),
  );
  explorer.addEventListener("help", () => dialog.showModal());
  return dialog;
}
