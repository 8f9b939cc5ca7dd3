// Two pictures beside each other. Whoever is pointed at leads: the other shows the query that
// answers there, at the same size, of the same heads, levels and points. A third may listen.
import { sameShape } from "./difference.js";
import { DifferencePanel } from "./difference_panel.js";
import { samePlace, sameQuery } from "./same_query.js";
import { readView } from "./view.js";

const LINKED = (
  "heads levels level colour top lines dim mass reverse all zoom padding moved " +
  "slide importance arrows mesh surface object split"
).split(" ");
const PLACES = ["centre", "lookup"]; // normalised, so they are carried from frame to frame

/**
 * @typedef {object} Member
 * @property {any} explorer null for who only listens
 * @property {boolean} second
 * @property {() => string} relation what a second one differs in: layer, picture, training or model
 * @property {(leader: Member) => void} hear
 * @property {() => void} [changed] somebody came or left
 * @property {() => void} [compare]
 */

/** @typedef {{ members: Set<Member>, leader: Member | null }} Pair */

/**
 * Pairs of this page by name; scripts of different kinds find each other here.
 * @type {Map<string, Pair>}
 */
const pairs = /** @type {any} */ (globalThis.deformvizPairs ??= new Map());

function pairCalled(name) {
  if (!pairs.has(name)) pairs.set(name, { members: new Set(), leader: null });
  return pairs.get(name);
}

function enter(name, member) {
  const pair = pairCalled(name);
  pair.members.add(member);
  return () => {
    pair.members.delete(member);
    if (pair.leader === member) pair.leader = null;
    if (!pair.members.size) pairs.delete(name);
    for (const other of pair.members) other.changed?.();
  };
}

/** The first picture of a pair, null while there is none. */
export function firstOf(name) {
  const { members } = pairCalled(name);
  return [...members].find(({ explorer, second }) => explorer && !second)?.explorer ?? null;
}

/** From now on the first picture of a pair leads. */
export function leadWithFirst(name) {
  const pair = pairCalled(name);
  pair.leader = [...pair.members].find(({ explorer, second }) => explorer && !second) ?? null;
}

/** Hear of every query that a pair shows; returns how to leave. */
export function listenToPair(name, hear) {
  const leave = enter(name, { explorer: null, second: false, relation: () => "", hear });
  const { leader } = pairCalled(name);
  if (leader) hear(leader);
  return leave;
}

/**
 * Make the picture of a page one of a pair; returns how to leave it.
 * @param {any} page
 * @param {{ name: string, second?: boolean, relation?: string }} given
 */
export function joinPair(page, { name, second = false }) {
  const { explorer, root } = page;
  const pair = pairCalled(name);
  const panel = second ? new DifferencePanel(explorer) : null;
  let seen = [];
  const isPair = () => [...pair.members].filter((one) => one.explorer).length > 1;
  const changed = () => root.classList.toggle("dv-paired", isPair());
  const relation = () => page.data.pair?.relation ?? ""; // may change while the picture stays
  const relationHere = () => [...pair.members].find((one) => one.second)?.relation() ?? "";
  const hear = (leader) => {
    if (!leader.explorer || !explorer.layer || !leader.explorer.layer) return;
    follow(explorer, leader.explorer, relationHere() === "layer", !second);
  };
  /** @type {Member} */
  const member = { explorer, second, relation, hear, changed };
  const lead = () => {
    pair.leader = member;
  };
  const compare = () => [...pair.members].forEach((one) => one.compare?.());
  if (panel) {
    member.compare = () => showDifference(explorer, firstOf(name), panel, relation());
    page.busy.prepend(panel.root);
    root.classList.add("dv-second");
    explorer.send = () => {}; // the address is that of the first
    explorer.step = null;
  }
  const leave = enter(name, member);
  for (const one of pair.members) one.changed?.();
  for (const event of ["pointerenter", "pointerdown", "focusin", "keydown"])
    root.addEventListener(event, lead, { capture: true, passive: true });
  explorer.on("drawn", () => {
    const isNew = explorer.layer !== seen[0] || explorer.viewId !== seen[1];
    seen = [explorer.layer, explorer.viewId];
    if (!second && (isNew || !pair.leader)) lead(); // a link, or another layer, is meant for both
    if (pair.leader === member) {
      for (const other of pair.members) if (other !== member) other.hear(member);
    } else if (pair.leader && isNew) hear(pair.leader);
    compare();
  });
  return leave;
}

/** Show what another explorer shows, as far as it means anything here. */
function follow(explorer, leader, numbered, reports) {
  const { layer } = explorer;
  const { query } = sameQuery(leader.layer, leader.query, layer, numbered);
  const alike = explorer.canvas.name === leader.canvas.name;
  const raw = { ...explorer.view };
  for (const name of alike ? LINKED : ["dim"])
    if (name in leader.view) raw[name] = leader.view[name];
  if (alike) {
    for (const name of PLACES.filter((each) => each in leader.view))
      raw[name] = samePlace(leader.layer, layer, leader.view[name]);
    explorer.place = samePlace(leader.layer, layer, leader.place ?? null);
    if (sameShape(leader.layer, layer)) explorer.focus = leader.focus;
  }
  const { pinned } = leader.view;
  /** @type {any} */
  const view = { ...readView(raw, layer, explorer.codec).view, pinned };
  view.query = pinned ? query : explorer.view.query;
  explorer.hover = pinned ? null : query;
  if ("lightly" in explorer) explorer.lightly = Boolean(leader.lightly);
  const before = explorer.view;
  explorer.view = view;
  if (view.padding !== before.padding || view.split !== before.split) explorer.reshape();
  const marksOnly = JSON.stringify(view) === JSON.stringify(before);
  if (marksOnly && !view.reverse && !view.surface) explorer.stage.refresh(["marks"]);
  else explorer.changed(reports);
}

/** Numbers beside the second picture, and on it where the first one's points are. */
function showDifference(explorer, first, panel, relation) {
  if (!first?.layer || !first.view || !explorer.layer || !explorer.view) {
    panel.hide();
    return;
  }
  const one = { layer: first.layer, query: first.query };
  const match = sameQuery(one.layer, one.query, explorer.layer, relation === "layer");
  const two = { layer: explorer.layer, query: explorer.query };
  panel.show(one, two, match.query === two.query ? match : { by: "place", overlap: null }, {
    relation,
  });
  const { compared } = explorer;
  if (compared?.layer === one.layer && compared.query === one.query) return;
  explorer.compared = { ...one, fromReference: relation === "picture" };
  explorer.stage.refresh(["marks"]);
}
