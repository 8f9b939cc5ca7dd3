// The picture as a list of layers. Each layer is a function scene -> marks; another page can bring
// its own (a deformed grid, a training replay) and reuse stage, painters and export.
import { stageAffine } from "./frames.js";
import { queryMarks, queryNameMarks, referenceBoxMarks, referenceMarks } from "./layer_boxes.js";
import { focusCellMarks, focusRingMarks } from "./layer_focus.js";
import { lookupMarks, massMarks } from "./layer_field.js";
import { photoMarks } from "./layer_photo.js";
import { placedSamples, sampleMarks } from "./layer_query.js";

/** Layers by the canvas they are painted on; only what changed is painted again. */
export const SURFACES = {
  photo: [photoMarks],
  field: [massMarks, lookupMarks],
  marks: [
    queryMarks,
    referenceBoxMarks,
    focusCellMarks,
    sampleMarks,
    referenceMarks,
    focusRingMarks,
    queryNameMarks,
  ],
};

export function surfaceMarks(scene, surface) {
  if (surface === "marks" && scene.view.reverse) return []; // reverse look-up asks about all queries
  const extra = surface === "marks" && scene.extraMarks ? scene.extraMarks(scene) : []; // of another page
  return [...extra, ...SURFACES[surface].flatMap((layerOf) => layerOf(scene))];
}

/** Everything the layers need to know, derived once per redraw. */
export function composeScene(state, width, height) {
  const { layer, view, query } = state;
  const scene = {
    ...state,
    width,
    height,
    toStage: stageAffine(layer.header, view, width, height),
    samples: layer.strongest(query, view),
  };
  scene.mostWeight = scene.samples[0]?.weight || 1;
  scene.placed = placedSamples(scene);
  return scene;
}
