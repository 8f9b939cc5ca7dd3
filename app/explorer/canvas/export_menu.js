// The menu of files to take along, the same under every picture.
import { element } from "./elements.js";
import { exportHtml, exportPng, exportSvg } from "./export_files.js";

/** `table` is what this kind of picture offers as numbers: [name, function]. */
export function exportMenu(explorer, page, table) {
  const entries = [
    ["PNG picture", () => exportPng(explorer, page)],
    ["SVG picture", () => exportSvg(explorer, page)],
    table,
    ...(page.source ? [["Offline HTML of this layer", () => exportHtml(explorer, page)]] : []),
  ];
  const menu = element(
    "details",
    { class: "dv-menu" },
    element("summary", { class: "dv-button" }, "Export"),
    element(
      "div",
      { class: "dv-menu-list" },
      ...entries.map(([name, run]) =>
        element("button", { type: "button", onclick: () => take(explorer, menu, run) }, name),
      ),
    ),
  );
  menu.addEventListener("focusout", (event) => {
    if (!menu.contains(event.relatedTarget)) menu.open = false;
  });
  return menu;
}

async function take(explorer, menu, run) {
  menu.open = false;
  try {
    await run();
  } catch (error) {
    explorer.tell("notice", { text: `The export failed: ${error.message}`, lasting: true });
  }
}
