// On the second of two pictures: where the same points are on the first, and the way between.
import { sameShape, shareOfSample } from "../kit/difference.js";
import { applyAffine } from "../kit/frames.js";
import { fromShare, toShare } from "../kit/same_query.js";
import { sampleColour, sampleOf } from "./samples.js";

/** A ring where each point on show is on the first picture, and a line from there to here. */
export function movedMarks(scene) {
  const { compared, view, layer } = scene;
  if (!compared || !view.moved || !sameShape(compared.layer, layer)) return [];
  return scene.placed.flatMap((sample) => {
    const from = placeThere(scene, sample);
    const of = sampleOf(sample);
    return [
      {
        kind: "line",
        of,
        points: [from, [sample.stageX, sample.stageY]],
        stroke: "#ffffff",
        lineWidth: 1.4,
        dash: [2, 3],
        halo: "#000000aa",
      },
      {
        kind: "marker",
        shape: "circle",
        of: { ...of, part: "first" },
        x: from[0],
        y: from[1],
        size: 4,
        stroke: sampleColour(scene, sample),
        lineWidth: 2,
        halo: "#000000",
      },
    ];
  });
}

/** Where the partner of a sample lies on this stage. */
function placeThere({ compared, layer, query, toStage }, { head, level, point }) {
  const { layer: first, query: own, fromReference } = compared;
  let [x, y] = shareOfSample(first, own, head, level, point, fromReference);
  if (fromReference) {
    const reference = layer.reference(query, level);
    const [fromX, fromY] = toShare(layer.header, reference.x, reference.y);
    [x, y] = [x + fromX, y + fromY];
  }
  return applyAffine(toStage, ...fromShare(layer.header, x, y));
}
