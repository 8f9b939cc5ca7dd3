// Where each point has been: its path through the snapshots up to the one on show.
import { applyAffine } from "../../explorer/canvas/frames.js";
import { sampleColour } from "../../explorer/canvas/layer_query.js";

const MOST_TRAILS = 40;

/**
 * Paths of the heaviest points in normalised coordinates: [{ sample, path [[x, y], ..] }].
 * `steps` are [layer, query] of consecutive snapshots, the one on show last.
 */
export function pointPaths(steps, view) {
  const [last, query] = steps[steps.length - 1];
  return last.strongest(query, view).slice(0, MOST_TRAILS).map((sample) => ({
    sample,
    path: steps.map(([layer, own]) => {
      const { x, y } = layer.sample(own, sample.head, sample.level, sample.point);
      return [x, y];
    }),
  }));
}

/** The paths as lines that grow thicker towards the present. */
export function trailMarks(scene) {
  const marks = [];
  for (const { sample, path } of scene.paths ?? []) {
    const points = path.map(([x, y]) => applyAffine(scene.toStage, x, y));
    for (let step = 1; step < points.length; step++) {
      const age = step / (points.length - 1);
      marks.push({
        type: "line", points: [points[step - 1], points[step]], stroke: sampleColour(scene, sample),
        lineWidth: 0.8 + 1.6 * age, alpha: 0.25 + 0.6 * age,
      });
    }
    if (points.length > 1) {
      marks.push({
        type: "circle", x: points[0][0], y: points[0][1], radius: 1.8, alpha: 0.7,
        stroke: sampleColour(scene, sample), lineWidth: 1,
      });
    }
  }
  return marks;
}
