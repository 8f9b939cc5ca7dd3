// The overlay behind "?": keys, signs, and what the picture does not say.
import { element } from "./elements.js";
import { activeKeys } from "./keyboard.js";

const SIGNS = [
  ["colour", "the head; heavy points also carry its number"],
  ["shape", "the level: ● 0, ■ 1, ◆ 2, ▲ 3, ⬟ 4"],
  ["area", "the attention weight; the weights of one head sum to 1 over its levels and points"],
  ["white cross", "the reference point; a dashed box where the reference is a box"],
  ["arrow at the edge", "a point beyond what is shown, in the direction of the arrow"],
  ["outlined cells", "the four cells a value is blended from; whiter means a larger share"],
  [
    "sampling mass",
    "attention weight times bilinear share, summed over all queries. It says where the " +
      "layer samples, not what the model finds important",
  ],
];

export function helpDialog(explorer) {
  const rows = (entries) =>
    entries.map(([name, text]) =>
      element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, text)),
    );
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
      element(
        "p",
        {},
        "Move over the picture to preview other queries. Click or tap to pin one: it is held, and " +
          "the pointer reads its points. Click the same place again to let it go.",
      ),
      element("h4", {}, "Keys"),
      element("table", {}, ...rows(activeKeys(explorer).map(({ show, does }) => [show, does]))),
      element("h4", {}, "Signs"),
      element("table", {}, ...rows(explorer.signs ?? SIGNS)),
    ),
  );
  explorer.addEventListener("help", () => dialog.showModal());
  return dialog;
}
