// Lists to choose from.
import { element } from "../../explorer/canvas/elements.js";

export function chooser(label, onchange) {
  return element("select", {
    "aria-label": label,
    title: label,
    onchange: (event) => onchange(event.target.value),
  });
}

export function labelled(name, control) {
  return element("label", { class: "dv-field" }, element("span", {}, name), control);
}

/** Fill a list with [value, name] pairs, only where they changed: an open list stays open. */
export function offerOptions(select, options, chosen) {
  const text = JSON.stringify(options);
  if (select.dataset.options !== text) {
    select.dataset.options = text;
    select.replaceChildren(...options.map(([value, name]) => element("option", { value }, name)));
  }
  select.value = chosen;
}
