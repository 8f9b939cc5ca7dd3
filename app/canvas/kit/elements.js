// Building the page piece by piece. Text is always set as text: class names come from strangers.

/**
 * An element with properties, data and children; strings become text nodes.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [properties] attributes; `on…` is listened to
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function")
      node.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name === "class") node.className = String(value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children);
  return node;
}

/** A button; `more` are further properties. */
export function button(label, title, onclick, more = {}) {
  return element("button", { type: "button", class: "dv-button", title, onclick, ...more }, label);
}

/**
 * A button that stays pressed or not.
 * @param {string} label
 * @param {{ title: string, key?: string, onclick: () => void }} is
 */
export function toggleButton(label, { title, key, onclick }) {
  const name = key ? `${title} (key ${key})` : title;
  return button(label, name, onclick, { "aria-pressed": "false" });
}

/** A slider with its name before and its value after it; `root` holds all. */
export function slider(name, title, limits, oninput, onchange = undefined) {
  const output = element("output");
  const hand = (handle) => handle && ((event) => handle(Number(event.target.value)));
  const input = element("input", {
    type: "range",
    title,
    "aria-label": title,
    ...limits,
    oninput: hand(oninput),
    onchange: hand(onchange),
  });
  return { input, output, root: labelled(name, input, output) };
}

/** A list to choose from. */
export function chooser(title, onchange) {
  return element("select", {
    title,
    "aria-label": title,
    onchange: (event) => onchange(event.target.value),
  });
}

export function labelled(name, ...controls) {
  return element("label", { class: "dv-field" }, element("span", {}, name), ...controls);
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

/** What has the focus in the document, or the shadow, that a node lies in. */
export function focusedIn(node) {
  const root = /** @type {Document | ShadowRoot} */ (node.getRootNode());
  return /** @type {HTMLElement | null} */ (root.activeElement ?? null);
}

export function setPressed(node, pressed) {
  node.setAttribute("aria-pressed", String(Boolean(pressed)));
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Offer bytes or text as a file. */
export function download(name, content, type = "") {
  const address = URL.createObjectURL(
    content instanceof Blob ? content : new Blob([content], { type }),
  );
  const link = element("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
