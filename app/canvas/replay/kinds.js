// What a replay draws, by the name the server gives it.
import { GRID_KIND } from "./grid_kind.js";
import { SAMPLING_KIND } from "./sampling_kind.js";

/**
 * @typedef {object} ReplayKind
 * @property {(buffer: ArrayBuffer) => any} decode
 * @property {import("../kit/marks.js").Drawing} drawing of a scene that may have `paths` for trails
 * @property {(scene: any) => number[]} toStage
 * @property {any[]} presets
 * @property {(preset: any, manifest: any) => { layerName: string, zoom: number, view: any }} presetView
 * @property {(from: any, fromQuery: number, to: any, toQuery: number, share: number) => any} blend a
 *   layer on the way from one snapshot to the next
 * @property {(names: string[]) => string} firstLayer
 * @property {string} firstStatistic
 * @property {(layer: any) => any} firstView
 * @property {(view: any, from: any, to: any) => any} carry the view to another layer
 * @property {(view: any, layer: any) => any} fit the view to a run with fewer heads
 * @property {(view: any, layer: any) => number} gridLevel
 * @property {(steps: [any, number][], view: any) => any[]} paths of trails, normalised
 * @property {{ head: string, rows: (layer: any, query: number, view: any) => string[] }} csv
 */

/** @type {Record<string, ReplayKind>} */
export const REPLAY_KINDS = { sampling: SAMPLING_KIND, grid: GRID_KIND };
