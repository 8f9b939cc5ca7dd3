// The numbers beside a second picture: which query answers there, and what is different about it.
import { difference, layerDifference, sameShape } from "./difference.js";
import { element, setPressed, setText, toggleButton } from "./elements.js";
import { standingOf } from "./proof.js";
import { foundBy } from "./same_query.js";
import { say } from "./words.js";

const LINES = ["matched", "points", "weights", "gaze", "box", "found", "layer"];
const percent = (share) => String(Math.round(100 * share));
const pixels = (length) => (Math.abs(length) < 10 ? length.toFixed(1) : length.toFixed(0));

export class DifferencePanel {
  /** `explorer` is the one whose picture the moved points are drawn on. */
  constructor(explorer) {
    this.explorer = explorer;
    this.known = new WeakMap(); // first layer -> second layer -> what differs between them
    this.values = Object.fromEntries(LINES.map((name) => [name, element("dd", { class: name })]));
    this.rows = Object.fromEntries(
      LINES.map((name) => [
        name,
        element(
          "div",
          { class: `dv-difference-${name}` },
          element("dt", {}, say(`canvas.kit.beside.${name}`)),
          this.values[name],
        ),
      ]),
    );
    this.arrows = toggleButton(say("canvas.kit.beside.moved"), {
      title: say("canvas.kit.beside.moved.title"),
      onclick: () => explorer.setView({ moved: !explorer.view.moved }),
    });
    this.root = element(
      "section",
      { class: "dv-difference", "aria-label": say("canvas.kit.beside.name"), hidden: true },
      element("dl", {}, ...LINES.map((name) => this.rows[name])),
      this.arrows,
    );
  }

  /**
   * @param {{ layer: any, query: number }} one
   * @param {{ layer: any, query: number }} two
   * @param {{ by: string, overlap: number | null }} match how `two` was found
   * @param {{ relation: string }} how
   */
  show(one, two, match, { relation }) {
    const wrong = [one, two].some(({ layer }) => standingOf(layer.header.proof) === "wrong");
    this.root.hidden = wrong;
    if (wrong) return; // nothing is said of what is no truth
    const how = { fromReference: relation === "picture", numbered: relation === "layer" };
    const told = difference(one.layer, one.query, two.layer, two.query, how);
    const lines = {
      matched: matchWords(match),
      ...pointWords(told, relation),
      gaze: gazeWords(told.gaze, how),
      box: told.box && boxWords(told.box),
      found: foundWords(one, two),
      layer: this.layerWords(one.layer, two.layer, how),
    };
    for (const name of LINES) {
      this.rows[name].hidden = !lines[name];
      setText(this.values[name], lines[name] || "");
    }
    this.arrows.hidden = !sameShape(one.layer, two.layer);
    setPressed(this.arrows, this.explorer.view.moved);
  }

  layerWords(first, second, how) {
    if (!this.known.has(first)) this.known.set(first, new WeakMap());
    const known = this.known.get(first);
    if (!known.has(second)) known.set(second, layerDifference(first, second, how));
    const found = known.get(second);
    if (!found) return "";
    const { queries, median, elsewhere } = found;
    const values = { queries, median: pixels(median), share: percent(elsewhere) };
    return say("canvas.kit.beside.layer.said", values);
  }

  hide() {
    this.root.hidden = true;
  }
}

function matchWords({ by, overlap }) {
  return say(`canvas.kit.beside.matched.${by}`, { overlap: percent(overlap ?? 0) });
}

function pointWords({ points, knots }, relation) {
  if (knots) {
    const { largest, count, elsewhere } = knots;
    const lengths = { median: pixels(knots.median), largest: pixels(largest.px) };
    return {
      points: say("canvas.kit.beside.points.knots", { ...largest, ...lengths, count }),
      weights: say("canvas.kit.beside.weights.said", { share: percent(elsewhere) }),
    };
  }
  if (!points) return { points: say("canvas.kit.beside.points.unlike"), weights: "" };
  const { median, largest, elsewhere, count } = points;
  const values = { ...largest, median: pixels(median), largest: pixels(largest.px), count };
  const said = say("canvas.kit.beside.points.said", values);
  const own = relation === "model" ? ` ${say("canvas.kit.beside.points.by_number")}` : "";
  return {
    points: said + own,
    weights: say("canvas.kit.beside.weights.said", { share: percent(elsewhere) }),
  };
}

function gazeWords({ moved, spreads }, { fromReference }) {
  const [one, two] = spreads.map(pixels);
  const key = fromReference ? "canvas.kit.beside.gaze.reach" : "canvas.kit.beside.gaze.said";
  const values = { moved: pixels(moved), one, two };
  return say(key, values);
}

function boxWords({ overlap, moved, size }) {
  const values = { overlap: percent(overlap), moved: pixels(moved), size: size.toFixed(2) };
  return say("canvas.kit.beside.box.said", values);
}

/** What both found in the end; nothing where neither found anything. */
function foundWords(one, two) {
  const [found, other] = [one, two].map(({ layer, query }) => foundBy(layer, query));
  if (!found && !other) return "";
  const name = (each) =>
    each ? `${each.class_name} ${each.score.toFixed(2)}` : say("canvas.kit.beside.found.nothing");
  return `${name(found)} → ${name(other)}`;
}
