// What a learner may try for sizes of their own once a question is answered: the operator's six
// arguments, and the stages of a DAT.
import { chooser, element, labelled, offerOptions } from "../kit/elements.js";
import { say } from "../kit/words.js";
import { operatorArguments, stageRows } from "./shapes.js";

const LETTERS = /[^LSND]/g;
const MOST_BLOCKS = 40;
const STRIDES = [1, 2, 4, 8];
const SIDES = [128, 224, 256, 384, 512];
/** @type {Record<string, [number, number]>} */
const LIMITS = {
  height: [32, 4096],
  width: [32, 4096],
  pictures: [1, 64],
  queries: [1, 2000],
  heads: [1, 16],
  levels: [1, 5],
  points: [1, 16],
};

const cell = (text) => element("td", {}, text);
const shape = (of) => (Array.isArray(of) ? `[${of.join(", ")}]` : String(of));

function tableOf(names, rows) {
  const head = names.map((name) => element("th", { scope: "col" }, name));
  const body = rows.map(([first, ...others]) =>
    element("tr", {}, element("th", { scope: "row" }, first), ...others.map(cell)),
  );
  return element(
    "div",
    { class: "dl-table", tabindex: "0" },
    element("table", {}, element("tr", {}, ...head), ...body),
  );
}

function room(title, fields, answer) {
  return element(
    "section",
    { class: "dl-calculator" },
    element("h3", {}, title),
    element("div", { class: "dl-fields" }, ...fields),
    answer,
  );
}

/** A whole number within its limits; what lies outside is taken as the nearest. */
function wholeField(name, value, [low, high], changed) {
  const input = element("input", {
    type: "number",
    class: "dl-size",
    value,
    min: low,
    max: high,
    step: 1,
    oninput: () => {
      const said = Math.round(Number(input.value));
      if (input.value !== "" && Number.isFinite(said)) changed(Math.min(high, Math.max(low, said)));
    },
  });
  return labelled(say(`lesson.calculator.${name}`), input);
}

function operator(data) {
  const given = { ...data.given };
  const answer = element("div", { class: "dl-result", role: "status" });
  const draw = () => {
    const found = operatorArguments(given);
    const terms = found.sizes.map(([rows, columns]) => `${rows} × ${columns}`);
    answer.replaceChildren(
      element(
        "p",
        {},
        say("lesson.calculator.levels_are", {
          sizes: terms.join(" + "),
          pixels: found.pixels.toLocaleString(data.language),
          starts: found.starts.join(", "),
        }),
      ),
      tableOf(
        ["argument", "encoder", "decoder"].map((name) => say(`lesson.calculator.${name}`)),
        found.rows.map(([name, ...shapes]) => [name, ...shapes.map(shape)]),
      ),
    );
  };
  const fields = Object.entries(LIMITS).map(([name, limits]) =>
    wholeField(name, given[name], limits, (value) => {
      given[name] = value;
      draw();
    }),
  );
  draw();
  return room(say("lesson.calculator.operator"), fields, answer);
}

function stages(data) {
  let side = data.side;
  let chosen = [];
  const answer = element("div", { class: "dl-result", role: "status" });
  const rows = element("div", { class: "dl-stages" });
  const draw = () => {
    const found = stageRows(side, chosen);
    const said = found.flatMap(({ map, queries, layers }, at) =>
      layers.map(({ letter, count, keys, pairs }) => [
        String(at + 1),
        `${map} × ${map}`,
        `${count} × ${letter}`,
        ...[queries, keys, pairs].map((number) => number.toLocaleString(data.language)),
      ]),
    );
    const names = ["stage", "map", "layers", "asking", "keys", "pairs"];
    answer.replaceChildren(
      tableOf(
        names.map((name) => say(`lesson.calculator.${name}`)),
        said,
      ),
    );
  };
  const stageField = (stage, at) => {
    const letters = element("input", {
      type: "text",
      class: "dl-letters",
      value: stage.blocks,
      maxlength: MOST_BLOCKS,
      "aria-label": say("lesson.calculator.blocks", { stage: at + 1 }),
      oninput: () => {
        const blocks = letters.value.toUpperCase().replace(LETTERS, "");
        if (!blocks) return;
        stage.blocks = blocks;
        draw();
      },
    });
    const stride = chooser(say("lesson.calculator.stride_of", { stage: at + 1 }), (value) => {
      stage.stride = Number(value);
      draw();
    });
    const fits = STRIDES.filter((one) => (side / 4 / 2 ** at) % one === 0);
    if (!fits.includes(stage.stride)) stage.stride = 1;
    offerOptions(
      stride,
      fits.map((one) => [String(one), say("lesson.calculator.stride", { stride: one })]),
      String(stage.stride),
    );
    return element("div", { class: "dl-stage" }, element("b", {}, String(at + 1)), letters, stride);
  };
  const begin = () => {
    rows.replaceChildren(...chosen.map(stageField));
    draw();
  };
  const model = chooser(say("lesson.calculator.model"), (name) => {
    chosen = data.models[name].map((stage) => ({ ...stage }));
    begin();
  });
  const names = Object.keys(data.models);
  offerOptions(
    model,
    names.map((name) => [name, name]),
    data.model,
  );
  chosen = data.models[data.model].map((stage) => ({ ...stage }));
  const sides = chooser(say("lesson.calculator.side"), (value) => {
    side = Number(value);
    begin();
  });
  offerOptions(
    sides,
    SIDES.map((one) => [String(one), `${one} × ${one}`]),
    String(side),
  );
  begin();
  const fields = [
    labelled(say("lesson.calculator.model"), model),
    labelled(say("lesson.calculator.side"), sides),
    rows,
  ];
  return room(say("lesson.calculator.stages"), fields, answer);
}

/** By the name of a step's canvas: what is handed to it, and the node it becomes. */
export const CALCULATORS = { operator, stages };
