// Sampling points as a drawing: the layers, from the picture up to the names of detections.
import { stageAffine, stageAspect } from "../kit/frames.js";
import { queryMarks, queryNameMarks, referenceBoxMarks, referenceMarks } from "./boxes.js";
import { caption, legendTerms } from "./caption.js";
import { lookupMarks, massMarks } from "./field.js";
import { focusCellMarks, focusRingMarks } from "./focus.js";
import { movedMarks } from "./moved.js";
import { photoMarks } from "./photo.js";
import { connectorMarks, placedSamples, sampleMarks } from "./samples.js";

/** @type {import("../kit/marks.js").Drawing} */
export const SAMPLING_DRAWING = {
  surfaces: {
    photo: { photo: photoMarks },
    field: { mass: massMarks, readers: lookupMarks },
    marks: {
      queries: queryMarks,
      "reference box": referenceBoxMarks,
      "focus cells": focusCellMarks,
      connectors: connectorMarks,
      moved: movedMarks,
      samples: sampleMarks,
      reference: referenceMarks,
      focus: focusRingMarks,
      name: queryNameMarks,
    },
  },
  compose: composeScene,
  aspect: (header, view) => stageAspect(header, view.padding),
  shows: (scene, surface) => surface !== "marks" || !scene.view.reverse, // it asks about all queries
  caption,
  legend: legendTerms,
};

/** Everything the layers need to know, derived once per redraw. */
function composeScene(state, width, height) {
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
