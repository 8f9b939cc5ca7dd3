// The replay of a detector: where one query samples.
import { decodeLayer } from "../sampling/decode.js";
import { SAMPLING_DRAWING } from "../sampling/drawing.js";
import { sampleColour } from "../sampling/samples.js";
import { carryView, defaultView } from "../sampling/view.js";
import { blendedLayer } from "./blend.js";
import { SAMPLING_PRESETS, samplingPresetView } from "./presets.js";
import { MOST_TRAILS, trailMarks } from "./trails.js";

/** A place beside one reference as the same place beside another: in shares of a box, if it is one. */
function seenFrom(then, now, { x, y }) {
  const [across, down] = then.width ? [now.width / then.width, now.height / then.height] : [1, 1];
  return [now.x + across * (x - then.x), now.y + down * (y - then.y)];
}

/** @type {import("./kinds.js").ReplayKind} */
export const SAMPLING_KIND = {
  decode: decodeLayer,
  drawing: {
    ...SAMPLING_DRAWING,
    surfaces: {
      ...SAMPLING_DRAWING.surfaces,
      marks: {
        trails: (scene) => trailMarks(scene, scene.toStage, sampleColour),
        ...SAMPLING_DRAWING.surfaces.marks,
      },
    },
  },
  toStage: (scene) => scene.toStage,
  presets: SAMPLING_PRESETS,
  presetView: samplingPresetView,
  blend: blendedLayer,

  /** The decoder's last one: of one object, the points move from a star onto it. */
  firstLayer: (names) => names.filter((name) => name.startsWith("decoder")).at(-1) ?? names.at(-1),
  firstStatistic: "displacement",
  firstView: (layer) => ({ ...defaultView(layer), lines: false, dim: 0.4 }),
  carry: carryView,
  fit: (view, layer) => ({
    ...view,
    heads: view.heads.filter((head) => head < layer.header.heads),
    levels: view.levels.filter((level) => level < layer.levels.length),
  }),
  gridLevel: (view, layer) => Math.min(view.level, layer.levels.length - 1),

  /**
   * Paths of the heaviest points: [{ head, level, .., path [[x, y], ..] }], normalised. A decoder's
   * reference moves and grows from snapshot to snapshot; each path is drawn as seen from it.
   */
  paths(steps, view) {
    const [last, query] = steps.at(-1);
    return last
      .strongest(query, view)
      .slice(0, MOST_TRAILS)
      .map((sample) => ({
        ...sample,
        path: steps.map(([layer, own]) => {
          const point = layer.sample(own, sample.head, sample.level, sample.point);
          return seenFrom(
            layer.reference(own, sample.level),
            last.reference(query, sample.level),
            point,
          );
        }),
      }));
  },

  csv: {
    head: "query,head,level,point,x,y,weight",
    rows: (layer, query, { heads, levels }) =>
      layer
        .strongest(query, { heads, levels, top: 0 })
        .map(({ head, level, point, x, y, weight }) =>
          [query, head, level, point, x.toFixed(6), y.toFixed(6), weight.toFixed(6)].join(","),
        ),
  },
};
