// What one query is: its cell or its detection, and its reference.
import { cellBox, cellOfQuery } from "../kit/cells.js";
import { applyAffine, normalisedBox } from "../kit/frames.js";
import { crossMarks, stageRect } from "../kit/marks.js";
import { decoderChoices, hasFound } from "./queries.js";

const BOXES_NAMED = 12;
const LETTER = 0.58; // width of a letter over its size, about: names stay inside the picture
const ARM = 9; // pixels of the cross, each way
const NAME_ROOM = [60, 13]; // pixels between two names, across and down

function cellRect(scene, query) {
  const { level, row, column } = cellOfQuery(scene.layer, query);
  const of = { query, level, row, column };
  return { ...stageRect(scene, cellBox(scene.layer, level, row, column)), of };
}

/** The cell on show and the one to return to, or the boxes a decoder found. */
export function queryMarks(scene) {
  const { layer, query } = scene;
  if (layer.isEncoder) {
    const chosen = {
      stroke: "#ffffff",
      lineWidth: 1.5,
      halo: "#000000",
      fill: "#ffffff",
      fillAlpha: 0.18,
    };
    const toReturnTo = { stroke: "#ffffff", lineWidth: 1, halo: "#000000", alpha: 0.5 };
    const { query: home } = scene.view;
    return [
      ...(home === query ? [] : [{ ...cellRect(scene, home), ...toReturnTo }]),
      { ...cellRect(scene, query), ...chosen },
    ];
  }
  const choices = decoderChoices(layer, scene.view.all);
  const others = choices
    .filter((other) => other !== query)
    .flatMap((other) => otherMarks(scene, other));
  return [
    ...withoutCollisions(others, queryNameMarks(scene)),
    ...detectionMarks(scene, query, true, false),
  ];
}

/** Marks without names that would cover a more certain detection's name. */
function withoutCollisions(marks, names) {
  const taken = [...names];
  return marks.filter((mark) => {
    if (mark.kind !== "text") return true;
    const covers = ({ x, y }) =>
      Math.abs(mark.x - x) < NAME_ROOM[0] && Math.abs(mark.y - y) < NAME_ROOM[1];
    if (taken.some(covers)) return false;
    taken.push(mark);
    return true;
  });
}

/** @returns {import("../kit/marks.js").Mark[]} */
function otherMarks(scene, query) {
  if (hasFound(scene.layer, query)) {
    return detectionMarks(
      scene,
      query,
      false,
      decoderChoices(scene.layer, false).indexOf(query) < BOXES_NAMED,
    );
  }
  const reference = scene.layer.reference(query);
  const [x, y] = applyAffine(scene.toStage, reference.x, reference.y);
  return [
    {
      kind: "marker",
      shape: "circle",
      of: { query, part: "reference" },
      x,
      y,
      size: 4,
      fill: "#ffffff",
      alpha: 0.85,
      stroke: "#000000",
      lineWidth: 1,
    },
  ];
}

/** @returns {import("../kit/marks.js").Mark[]} */
function detectionMarks(scene, query, chosen, named) {
  const found = scene.layer.header.detections[query];
  if (!found) return [];
  const box = stageRect(scene, normalisedBox(scene.layer.header, found.box_xyxy_px));
  /** @type {import("../kit/marks.js").Mark[]} */
  const marks = [
    {
      ...box,
      of: { query, part: "box" },
      stroke: "#ffffff",
      lineWidth: chosen ? 2.5 : 1,
      alpha: chosen ? 1 : 0.6,
      halo: "#000000aa",
    },
  ];
  if (named) marks.push(nameMark(scene, query, found, box, chosen));
  return marks;
}

function nameMark(scene, query, found, box, chosen) {
  const text = `${found.class_name} ${found.score.toFixed(2)}`;
  const room = scene.width - 4 - LETTER * (chosen ? 14 : 11) * text.length;
  const x = box.x < scene.width ? Math.min(box.x + 4, room) : box.x + 4; // out of sight: stays there
  return {
    kind: "text",
    of: { query, part: "name" },
    text,
    font: scene.font,
    x: Math.max(4, x),
    y: box.y < 18 ? Math.max(0, box.y) + 15 : box.y - 5,
    size: chosen ? 14 : 11,
    weight: chosen ? 700 : 500,
    fill: "#ffffff",
    halo: "#000000dd",
    alpha: chosen ? 1 : 0.75,
  };
}

/** The chosen detection's name, above the points. */
export function queryNameMarks(scene) {
  const { query } = scene;
  const found = scene.layer.header.detections[query];
  if (!found) return [];
  const box = stageRect(scene, normalisedBox(scene.layer.header, found.box_xyxy_px));
  return [nameMark(scene, query, found, box, true)];
}

/** The reference box, where the reference is one; drawn below the points. */
export function referenceBoxMarks(scene) {
  const { x, y, width, height } = scene.layer.reference(scene.query);
  if (width === null) return [];
  const box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
  return [
    {
      ...stageRect(scene, box),
      of: { query: scene.query, part: "reference" },
      stroke: "#ffffff",
      lineWidth: 1.5,
      dash: [6, 4],
      halo: "#000000bb",
    },
  ];
}

/** The reference point: a cross above the points. */
export function referenceMarks(scene) {
  const { x, y } = scene.layer.reference(scene.query);
  const [stageX, stageY] = applyAffine(scene.toStage, x, y);
  const style = { of: { query: scene.query, x, y }, stroke: "#ffffff", lineWidth: 2 };
  return crossMarks(stageX, stageY, ARM, style, "#000000");
}
