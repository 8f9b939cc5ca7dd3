// Everything about one point, in a panel whose height never changes.
import { element, setText } from "../kit/elements.js";
import { glyph } from "../kit/signs.js";
import { say } from "../kit/words.js";
import { sampleFacts } from "./sample_facts.js";
import { sampleColour } from "./samples.js";

const pair = ([x, y], digits) => `${x.toFixed(digits)}, ${y.toFixed(digits)}`;

const DETAILS = ["level_px", "cell", "padded_px"]; // folded away
const LINES = [
  { term: "canvas.sampling.readout.weight", value: (facts) => facts.weight.toFixed(4) },
  { term: "canvas.sampling.readout.offset", value: (facts) => pair(facts.offset, 2) },
  { term: "canvas.sampling.readout.location", value: (facts) => pair([facts.x, facts.y], 4) },
  { term: "canvas.sampling.readout.level_px", value: (facts) => pair(facts.levelPx, 2) },
  { term: "canvas.sampling.readout.cell", value: (facts) => `${facts.row}, ${facts.column}` },
  { term: "canvas.sampling.readout.padded_px", value: (facts) => pair(facts.paddedPx, 1) },
  { term: "canvas.sampling.readout.original_px", value: (facts) => pair(facts.originalPx, 1) },
  {
    term: "canvas.sampling.readout.place",
    value: (facts) => say(`canvas.sampling.place.${facts.place}`),
  },
];

export class Readout {
  constructor(explorer) {
    this.explorer = explorer;
    this.sign = element("span", { class: "dv-readout-sign" });
    this.name = element("strong", {}, "—");
    this.why = element("span", { class: "dv-quiet" });
    this.values = LINES.map(() => element("dd", {}, "—"));
    this.corners = Array.from({ length: 4 }, () => element("div", { class: "dv-corner" }));
    this.root = element(
      "section",
      { class: "dv-readout", "aria-label": say("canvas.sampling.readout.label") },
      element("header", {}, this.sign, this.name, this.why),
      ...this.lists(),
      element("div", { class: "dv-corners-title" }, say("canvas.sampling.readout.corners")),
      element("div", { class: "dv-corners" }, ...this.corners),
    );
    explorer.on("drawn", (scene) => this.update(scene));
  }

  /** What everybody reads, and between it, folded, what only some do. */
  lists() {
    const { offset } = this.explorer.terms ?? {};
    const isDetail = ({ term }) => DETAILS.some((name) => term.endsWith(`.${name}`));
    const from = LINES.findIndex(isDetail);
    const rows = LINES.flatMap(({ term }, at) => [
      element("dt", { title: term.endsWith(".offset") ? offset?.means : undefined }, say(term)),
      this.values[at],
    ]);
    const list = (first, last) => element("dl", {}, ...rows.slice(2 * first, 2 * last));
    return [
      list(0, from),
      element(
        "details",
        { class: "dv-details" },
        element("summary", {}, say("canvas.sampling.readout.details")),
        list(from, from + DETAILS.length),
      ),
      list(from + DETAILS.length, LINES.length),
    ];
  }

  update(scene) {
    this.root.hidden = scene.view.reverse;
    const { focus, query, layer } = scene;
    const sample = focus
      ? layer.sample(query, focus.head, focus.level, focus.point)
      : scene.samples[0];
    if (!sample) {
      setText(this.name, say("canvas.sampling.readout.none"));
      setText(this.why, "");
      this.sign.replaceChildren();
      this.values.forEach((node) => setText(node, "—"));
      this.corners.forEach((node) => setText(node, "—"));
      return;
    }
    const facts = sampleFacts(layer, sample);
    setText(this.name, say("canvas.sampling.readout.name", sample));
    setText(this.why, focus ? "" : say("canvas.sampling.readout.strongest"));
    const look = `${sampleColour(scene, sample)} ${sample.level}`;
    if (look !== this.look) {
      this.look = look;
      this.sign.replaceChildren(
        glyph(
          scene.palette.marks[sample.level % scene.palette.marks.length],
          sampleColour(scene, sample),
          18,
        ),
      );
    }
    LINES.forEach(({ value }, at) => setText(this.values[at], value(facts)));
    facts.corners.forEach((cell, at) => {
      const node = this.corners[at];
      setText(
        node,
        cell.inside
          ? `(${cell.row}, ${cell.column})  ${cell.share.toFixed(2)}`
          : say("canvas.sampling.readout.outside", { share: cell.share.toFixed(2) }),
      );
      node.style.setProperty("--dv-share", cell.inside ? cell.share.toFixed(3) : "0");
      node.classList.toggle("dv-outside", !cell.inside);
    });
  }
}
