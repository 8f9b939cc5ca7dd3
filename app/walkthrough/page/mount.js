// The door: Streamlit calls it at every change of its data. Builds the page once and keeps it.
import { Walkthrough } from "./walkthrough.js";

const pages = new WeakMap();

export default function mount(component) {
  const host = component.parentElement.querySelector(".wt-mount");
  if (!pages.has(host)) pages.set(host, new Walkthrough(host));
  pages.get(host).update(component);
}
