// Bottom layer: the picture, dimmed, and the padding the model saw around it.
import { applyAffine, hasPadding, pictureCorner } from "../kit/frames.js";

const STRIPE = 14;

/** Marks of the picture, darkened by view.dim so that points stand out. */
export function photoMarks(scene) {
  const { layer, view, width, height } = scene;
  const [left, top] = applyAffine(scene.toStage, 0, 0);
  const [right, bottom] = applyAffine(scene.toStage, ...pictureCorner(layer.header));
  const area = { x: left, y: top, width: right - left, height: bottom - top };
  /** @type {import("../kit/marks.js").Mark[]} */
  const marks = [{ kind: "rect", x: 0, y: 0, width, height, fill: "#20242e" }];
  if (view.padding && hasPadding(layer.header)) marks.push(...stripes(width, height));
  if (scene.picture) {
    marks.push({ kind: "image", image: scene.picture, smooth: true, ...area });
  }
  if (view.dim > 0) {
    marks.push({ kind: "rect", fill: "#000000", alpha: view.dim, ...area });
  }
  return marks;
}

function stripes(width, height) {
  const marks = [];
  for (let x = -height; x < width; x += STRIPE) {
    marks.push({
      kind: "line",
      points: [
        [x, height],
        [x + height, 0],
      ],
      stroke: "#3b4252",
      lineWidth: 3,
    });
  }
  return marks;
}
