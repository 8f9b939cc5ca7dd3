// A canvas of the kit on a plain page.
import { plainModel } from "../kit/door.js";
import { element } from "../kit/elements.js";

/** Where a file of the site lies, as seen from the page. */
export const at = (address) => new URL(address, document.baseURI).href;

/**
 * Put a canvas into a room, in place of what is there.
 * @param {{ script: string, style: string }} canvas where its files lie
 * @param {any} data what it is handed
 * @param {(name: string, value: any) => void} [tell] hears what it tells
 * @returns what renews its data
 */
export async function mount(canvas, data, room, tell) {
  const { default: kind } = await import(at(canvas.script));
  const el = element("div", { class: "dv-mount" });
  room.replaceChildren(element("link", { rel: "stylesheet", href: at(canvas.style) }), el);
  const model = plainModel(data, tell);
  const close = kind.render({ model, el });
  return { renew: (next) => model.renew(next), close };
}

/** One canvas that is handed all it shows at once. */
export async function showCanvas({ canvas, data }, room) {
  await mount(canvas, { ...data, words: canvas.words }, room);
}
