// Building the page piece by piece. Text is always set as text: class names come from strangers.

/** An element with properties, data and children; strings become text nodes. */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/** A button that stays pressed or not. */
export function toggleButton(label, { title, key, onclick, ...rest }) {
  const name = key ? `${title} (key ${key})` : title;
  return element(
    "button",
    { type: "button", class: "dv-button", title: name, "aria-pressed": "false", onclick, ...rest },
    label,
  );
}

export function setPressed(button, pressed) {
  button.setAttribute("aria-pressed", String(Boolean(pressed)));
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Offer bytes or text as a file. */
export function download(name, content, type) {
  const address = URL.createObjectURL(
    content instanceof Blob ? content : new Blob([content], { type }),
  );
  const link = element("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
