// What the toolbars of several pictures have in common.
import { element, setPressed, setText, slider, toggleButton } from "./elements.js";
import { hasPadding } from "./frames.js";
import { flip } from "./keyboard.js";
import { say } from "./words.js";

/**
 * A button that stays pressed while a property of the view holds.
 * @param {any} explorer
 * @param {string} words the key of its name; with `.title` that of what it does
 * @param {string} property
 * @param {string} [key] on the keyboard
 * @param {(explorer: any) => void} [run]
 */
export function toggleOf(explorer, words, property, key, run = flip(property)) {
  const title = say(`${words}.title`);
  return toggleButton(say(words), { title, key, onclick: () => run(explorer) });
}

/** The button that holds the query; its title differs from picture to picture. */
export const pinToggle = (explorer, title) =>
  toggleButton(say("canvas.kit.pin"), { title, key: "Enter", onclick: () => explorer.togglePin() });

/** How much the picture behind the marks is dimmed. */
export const dimSlider = (explorer) =>
  slider(
    say("canvas.kit.dim"),
    say("canvas.kit.dim.title"),
    { min: 0, max: 90, step: 5 },
    (value) => explorer.setView({ dim: value / 100 }),
  );

/** Groups of controls in a row. */
export const toolbar = (...groups) =>
  element(
    "div",
    { class: "dv-toolbar", role: "group", "aria-label": say("canvas.kit.controls") },
    ...groups,
  );

/** A group of controls; `more` are further classes. */
export const group = (more, ...controls) =>
  element("div", { class: `dv-group ${more}`.trim() }, ...controls);

/** Press the buttons whose property holds; padding is offered where there is some. */
export function showToggles(toggles, { layer, view }) {
  for (const [name, button] of Object.entries(toggles)) setPressed(button, view[name]);
  toggles.padding.hidden = !hasPadding(layer.header);
}

/** Show a share as percent. */
export function showShare({ input, output }, share) {
  input.value = String(Math.round(100 * share));
  setText(output, `${input.value} %`);
}
