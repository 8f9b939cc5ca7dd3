// What a replay draws, by the name the server gives it.
import { GRID_KIND } from "./grid_kind.js";
import { SAMPLING_KIND } from "./sampling_kind.js";

/**
 * A kind brings: `decode(bytes)`, `drawing` for a Stage, `firstView(layer)`, `carry(view, from, to)`
 * to another layer, `fit(view, layer)` to a run with fewer heads, `blend(..)` between snapshots,
 * `paths(steps, view)` of trails, `toStage(scene)`, `presets` and `presetView(..)`, `csv(..)`, and
 * the classes `Legend` and `Controls`.
 */
export const REPLAY_KINDS = { sampling: SAMPLING_KIND, grid: GRID_KIND };
