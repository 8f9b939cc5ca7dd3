// A deformed grid as a drawing: its layers, and where each knot lies on the stage.
import { weightRadius } from "../kit/marks.js";
import { gridCaption, gridLegend } from "./caption.js";
import { biasSurface, gridPhotoMarks, objectMarks, surfaceMarks } from "./field.js";
import {
  arrowMarks,
  cellMarks,
  focusKnotMarks,
  keyLineMarks,
  knotMarks,
  meshMarks,
  panelNameMarks,
  startMarks,
} from "./marks.js";
import { panelsAspect, panelsOf, stagePlace } from "./panels.js";

/** @type {import("../kit/marks.js").Drawing} */
export const GRID_DRAWING = {
  surfaces: {
    photo: { photo: gridPhotoMarks },
    field: { surface: surfaceMarks, object: objectMarks },
    marks: {
      cell: cellMarks,
      mesh: meshMarks,
      arrows: arrowMarks,
      "key lines": keyLineMarks,
      knots: knotMarks,
      start: startMarks,
      focus: focusKnotMarks,
      names: panelNameMarks,
    },
  },
  compose: composeScene,
  aspect: panelsAspect,
  caption: gridCaption,
  legend: gridLegend,
};

/** Everything the layers need to know, derived once per redraw. */
function composeScene(state, width, height) {
  const { layer, view, query } = state;
  const scene = { ...state, width, height, panels: panelsOf(layer.header, view, width, height) };
  scene.knots = layer.weighted(query, view);
  scene.keys = scene.knots.slice(0, view.top);
  scene.groups = [...new Set(view.heads.map((head) => layer.groupOf(head)))];
  scene.bias = biasSurface(scene);
  scene.placed = scene.panels.flatMap((panel, index) =>
    scene.knots.map((knot) => ({
      ...knot,
      ...stagePlace(scene, panel, knot),
      radius: weightRadius(scene, knot.weight),
      panel: index,
    })),
  );
  return scene;
}
