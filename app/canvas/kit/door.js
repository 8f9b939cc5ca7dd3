// The doors of a canvas: a notebook or a plain page calls `render`, Streamlit `streamlit`, and a page
// that carries its own trace needs nobody to call.
import { bytesOf } from "./packed.js";
import { learn } from "./words.js";

/**
 * What a canvas talks to, as anywidget gives it. `data` is everything Python hands in, `words` with it.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: any) => void} set
 * @property {() => void} save_changes
 * @property {(name: string, heard: () => void) => void} on
 * @property {(name: string, heard: () => void) => void} off
 */

/**
 * What a canvas mounts.
 * @typedef {object} Mounted
 * @property {Element} root
 * @property {(data: any) => unknown} update called with every change of data
 * @property {() => void} close
 */

/**
 * @param {(data: any, tell: (name: string, value: any) => void) => Mounted} make
 */
export function door(make) {
  /**
   * Show a canvas in `el`; the returned function takes it away.
   * @param {{ model: Model, el: Element }} place
   */
  function render({ model, el }) {
    const read = () => model.get("data");
    learn(read().words);
    let open = true;
    const mounted = make(read(), (name, value) => {
      if (!open) return; // told by what was still on its way when the canvas left
      model.set(name, value);
      model.save_changes();
    });
    const changed = () => {
      learn(read().words);
      mounted.update(read());
    };
    el.append(mounted.root);
    model.on("change:data", changed);
    changed();
    return () => {
      open = false;
      model.off("change:data", changed);
      mounted.close();
      mounted.root.remove();
    };
  }
  return { render, streamlit: (component) => streamlit(render, component) };
}

/** A model of plain data: `hear(name, value)` gets what the canvas tells. */
export function plainModel(data, hear = (_name, _value) => {}) {
  let present = data;
  const listeners = new Set();
  return {
    get: (name) => (name === "data" ? present : undefined),
    set: (name, value) => hear(name, value),
    save_changes: () => {},
    on: (_, heard) => void listeners.add(heard),
    off: (_, heard) => void listeners.delete(heard),
    /** Hand in other data. */
    renew(next) {
      present = next;
      listeners.forEach((heard) => heard());
    },
  };
}

const mounts = new WeakMap();

/**
 * Streamlit calls this at every change of its data; the returned function runs when it goes.
 * A layer is asked for by a trigger, which holds for one run; all else is state.
 */
function streamlit(render, component) {
  const { parentElement: parent } = component;
  const known = mounts.get(parent);
  if (known) {
    known.component = component;
    known.model.renew(component.data);
    return known.leave;
  }
  const mount = { component, model: null, leave: null };
  mounts.set(parent, mount);
  mount.model = plainModel(component.data, (name, value) => {
    const { setStateValue, setTriggerValue } = mount.component;
    (name === "layer" ? setTriggerValue : setStateValue)?.(name, value);
  });
  const close = render({ model: mount.model, el: parent.querySelector(".dv-mount") ?? parent });
  mount.leave = () => {
    close();
    mounts.delete(parent);
  };
  return mount.leave;
}

/** Show what a page carries in its own document, if it carries anything; see offline.html. */
export function openOffline(render) {
  const trace = document.getElementById("dv-trace")?.textContent;
  if (!trace) return;
  const bytes = Uint8Array.from(atob(trace), (letter) => letter.charCodeAt(0));
  const data = JSON.parse(document.getElementById("dv-data").textContent);
  render({
    model: plainModel({ ...data, trace: bytesOf(bytes) }),
    el: document.getElementById("explorer"),
  });
}
