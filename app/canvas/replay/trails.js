// Where each point or knot has been: its path through the snapshots up to the one on show.
import { applyAffine } from "../kit/frames.js";

export const MOST_TRAILS = 30;

/** The scene's paths as lines that grow thicker towards the present. */
export function trailMarks(scene, toStage, colourOf) {
  const marks = [];
  for (const trail of scene.paths ?? []) {
    const points = trail.path.map(([x, y]) => applyAffine(toStage, x, y));
    const { head, level, point, group, knot } = trail;
    const of = { head, level, point, group, knot };
    const stroke = colourOf(scene, trail);
    for (let step = 1; step < points.length; step++) {
      const age = step / (points.length - 1);
      marks.push({
        kind: "line",
        of: { ...of, step },
        points: [points[step - 1], points[step]],
        stroke,
        lineWidth: 0.8 + 1.6 * age,
        alpha: 0.25 + 0.6 * age,
      });
    }
    if (points.length > 1) {
      marks.push({
        kind: "marker",
        shape: "circle",
        of: { ...of, step: 0 },
        x: points[0][0],
        y: points[0][1],
        size: 1.8,
        alpha: 0.7,
        stroke,
        lineWidth: 1,
      });
    }
  }
  return marks;
}
