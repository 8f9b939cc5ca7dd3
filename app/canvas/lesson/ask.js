// How a prediction is made: a choice, a number on a slider, a place or a drawing on the picture.
import { element, labelled } from "../kit/elements.js";
import { fromSlider, judge, toSlider, written } from "./judge.js";
import { Ground } from "./ground.js";
import { say } from "../kit/words.js";

/**
 * @typedef {object} Asked
 * @property {Node[]} nodes what to show
 * @property {() => any} said what was predicted, null before anything was
 * @property {() => void} reveal show the truth beside it
 * @property {Node | null} ground what stands in the place of the picture meanwhile
 */

/** @returns {Asked} */
export function ask(step, { language, changed }) {
  const make = { choice: askChoice, number: askNumber, place: askPlace, drawing: askPlace };
  return make[step.prediction.kind](step, { language, changed });
}

function askChoice(step, { changed }) {
  let said = null;
  const name = `dl-choice-${step.name}`;
  const rows = step.choices.map((text, index) => {
    const input = element("input", {
      type: "radio",
      name,
      value: String(index),
      onchange: () => {
        said = index;
        changed();
      },
    });
    return {
      input,
      root: element("label", { class: "dl-choice" }, input, element("span", {}, text)),
    };
  });
  const root = element("fieldset", { class: "dl-choices" }, ...rows.map((row) => row.root));
  return {
    nodes: [root],
    said: () => said,
    ground: null,
    reveal() {
      root.disabled = true;
      rows[step.prediction.answer].root.classList.add("dl-right");
      if (said !== null && said !== step.prediction.answer)
        rows[said].root.classList.add("dl-wrong");
    },
  };
}

function askNumber(step, { language, changed }) {
  const { prediction } = step;
  let said = null;
  const take = (value) => {
    said = value;
    slider.value = String(toSlider(prediction, value));
    changed();
  };
  const field = element("input", {
    type: "number",
    class: "dl-number",
    step: "any",
    "aria-label": say("lesson.number"),
    oninput: (event) => {
      const value = Number(event.target.value);
      if (event.target.value !== "" && Number.isFinite(value)) take(value);
    },
  });
  const slider = element("input", {
    type: "range",
    min: "0",
    max: "1000",
    value: "500",
    "aria-label": say("lesson.slider"),
    oninput: (event) => {
      const value = Number(fromSlider(prediction, Number(event.target.value)).toPrecision(3));
      field.value = String(value);
      take(value);
    },
  });
  const truth = element("output", { class: "dl-truth" });
  const ends = element(
    "div",
    { class: "dl-ends dv-quiet" },
    element("span", {}, written(prediction.low, language)),
    element("span", {}, written(prediction.high, language)),
  );
  return {
    nodes: [labelled(say("lesson.your_guess"), field), slider, ends, truth],
    said: () => said,
    ground: null,
    reveal() {
      field.disabled = slider.disabled = true;
      const share = toSlider(prediction, prediction.answer) / 10;
      truth.style.setProperty("--at", `${share}%`);
      truth.textContent = written(prediction.answer, language);
    },
  };
}

function askPlace(step, { changed }) {
  const ground = new Ground(step, changed);
  return {
    nodes: [element("p", { class: "dv-quiet" }, say(`lesson.how.${step.prediction.kind}`))],
    said: () => (ground.points.length ? ground.points : null),
    ground: ground.root,
    reveal: () => ground.reveal(step.prediction.answer),
  };
}

/** What is said of a prediction once the truth is there. */
export function verdict(step, said, { language, teach }) {
  const { right, distance } = judge(step.prediction, said);
  const { kind, answer, log } = step.prediction;
  if (right) return { right, text: say("lesson.right") };
  if (kind === "choice") return { right, text: say("lesson.not_quite") };
  if (kind === "number") {
    const words = { said: written(said, language), truth: written(answer, language) };
    const factor = written(distance + 1, language);
    return {
      right,
      text: [
        say(teach ? "lesson.class_said" : "lesson.you_said", words),
        ...(log && said > 0 ? [say("lesson.factor", { factor })] : []),
      ].join(" "),
    };
  }
  return { right, text: say("lesson.away", { share: Math.round(100 * distance) }) };
}
