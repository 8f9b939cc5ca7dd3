// What a picture consists of. A surface is a function scene -> marks; a painter only paints them.
// Nothing here needs a browser.
import { applyAffine, applyInverse } from "./frames.js";
import { standingOf } from "./proof.js";

/**
 * What a mark stands for; which of these it has depends on its layer. `x`, `y` are normalised.
 * @typedef {object} MarkOf
 * @property {number} [query]
 * @property {number} [head]
 * @property {number} [level]
 * @property {number} [point]
 * @property {number} [group] of heads that share a deformed grid
 * @property {number} [knot]
 * @property {number} [row]
 * @property {number} [column]
 * @property {number} [weight] attention weight
 * @property {number} [amount] what a query reads from a looked-up cell
 * @property {number} [share] of bilinear sampling
 * @property {number} [step] of a trail, counted from its oldest snapshot
 * @property {number} [x]
 * @property {number} [y]
 * @property {boolean} [beyond] the true place is beyond what is shown; the mark waits at the edge
 * @property {string} [set] title of a set of keys
 * @property {string} [part] which part, where a layer draws several
 */

/**
 * One thing to paint, in stage pixels (CSS pixels from the upper left corner of the stage).
 * @typedef {object} Mark
 * @property {string} kind image, cells, rect, line, polygon, marker or text
 * @property {string} [layer] the name of the layer that drew it
 * @property {MarkOf} [of]
 * @property {number} [panel] which of several pictures on one stage it lies on; none: the only one
 * @property {number} [x] marker: centre; text: start, middle or end of its baseline; else: left edge
 * @property {number} [y] marker: centre; text: baseline; else: upper edge
 * @property {number} [width] of an image, cells or a rect
 * @property {number} [height]
 * @property {number[][]} [points] of a line or polygon
 * @property {string} [shape] of a marker: "circle", "square", "diamond", "triangle-up", "pentagon"
 * @property {number} [size] marker: radius of the disc of equal area; text: size of its letters
 * @property {string} [text]
 * @property {string} [fill]
 * @property {number} [fillAlpha]
 * @property {string} [stroke]
 * @property {number} [lineWidth]
 * @property {number[]} [dash]
 * @property {number} [alpha] of the whole mark
 * @property {string} [halo] colour of a second, wider stroke below the first
 * @property {number} [haloWidth] of a text
 * @property {string} [font]
 * @property {number} [weight] of letters
 * @property {string} [align] left, center or right
 * @property {any} [image] what a canvas can draw; in SVG also an address
 * @property {boolean} [smooth] how an image or cells are enlarged
 * @property {number} [rows] of cells
 * @property {number} [columns]
 * @property {ArrayLike<number>} [values] of cells, row by row
 * @property {number} [low] the value with the first colour
 * @property {number} [high] the value with the last one
 * @property {Uint8ClampedArray} [colours] RGB triples from low to high
 * @property {string} [className] what a style sheet calls it, where the marks become SVG
 * @property {number[] | number[][]} [px] place in pixels of the original picture; see `inPicturePixels`
 */

/**
 * What a picture is made of: how a scene is derived from a state, and its layers by the surface
 * they are painted on; only what changed is painted again.
 * @typedef {object} Drawing
 * @property {Record<string, Record<string, (scene: any) => Mark[]>>} surfaces
 * @property {(state: any, width: number, height: number) => any} compose
 * @property {(header: any, view: any, room: number) => number} aspect width over height of a stage
 * @property {(scene: any, surface: string) => boolean} [shows] false for a surface that stays empty
 * @property {(scene: any, facts: any) => string[]} caption lines below an exported figure
 * @property {(scene: any) => string[][]} legend shape, fill and text of its terms
 */

const FULL_RADIUS = 24; // stage pixels of a marker that carries weight 1 on a 600 px stage
const LEAST_RADIUS = 1.3; // lighter ones stay visible

/** Small stages get smaller marks. */
export function markScale({ width, height }) {
  return Math.min(1.25, Math.max(0.65, Math.min(width, height) / 600));
}

/** Radius whose disc has an area proportional to the weight: the same on every picture. */
export function weightRadius(scene, weight) {
  return Math.max(LEAST_RADIUS, FULL_RADIUS * markScale(scene) * Math.sqrt(weight));
}

/**
 * Corners of a normalised box as a rect of the stage.
 * @param {{ toStage: number[] }} scene
 * @param {number[]} box
 * @returns {Mark}
 */
export function stageRect({ toStage }, box) {
  const [x0, y0, x1, y1] = box;
  const [left, top] = applyAffine(toStage, x0, y0);
  const [right, bottom] = applyAffine(toStage, x1, y1);
  return { kind: "rect", x: left, y: top, width: right - left, height: bottom - top };
}

/**
 * An upright cross around a place, on a halo that does not cut the line above it.
 * @returns {Mark[]}
 */
export function crossMarks(x, y, arm, style, halo) {
  const [across, down] = crossLines(x, y, arm);
  return [
    { ...style, kind: "line", points: across, halo },
    { ...style, kind: "line", points: down, halo },
    { ...style, kind: "line", points: across },
  ];
}

/** The two lines of an upright cross around a place of the stage. */
export function crossLines(x, y, arm) {
  const [across, down] = [
    [x - arm, y],
    [x, y - arm],
  ];
  return [
    [across, [x + arm, y]],
    [down, [x, y + arm]],
  ];
}

/**
 * Marks of one surface, each with the name of its layer.
 * @param {Drawing} drawing
 * @returns {Mark[]}
 */
export function surfaceMarks(drawing, scene, surface) {
  if (drawing.shows && !drawing.shows(scene, surface)) return [];
  if (surface !== "photo" && standingOf(scene.layer?.header.proof) === "wrong") return []; // no truth
  const marks = [];
  for (const [layer, draw] of Object.entries(drawing.surfaces[surface])) {
    for (const mark of draw(scene)) {
      mark.layer = layer;
      marks.push(mark);
    }
  }
  return marks;
}

/**
 * Marks of all surfaces, the lowest first, with their places in pixels of the original picture.
 * @param {Drawing} drawing
 * @returns {Record<string, Mark[]>}
 */
export function allMarks(drawing, scene) {
  const marksOf = (surface) => inPicturePixels(scene, surfaceMarks(drawing, scene, surface));
  return Object.fromEntries(
    Object.keys(drawing.surfaces).map((surface) => [surface, marksOf(surface)]),
  );
}

/** Marks with `px`: [x, y], the corners [x0, y0, x1, y1] of a rect, or one [x, y] per point. */
export function inPicturePixels(scene, marks) {
  const { to_original: toOriginal } = scene.layer.header;
  return marks.map((mark) => {
    const toStage = scene.panels?.[mark.panel ?? 0].toStage ?? scene.toStage;
    const place = (x, y) => applyAffine(toOriginal, ...applyInverse(toStage, x, y));
    const px = mark.points
      ? mark.points.map(([x, y]) => place(x, y))
      : mark.width === undefined
        ? place(mark.x, mark.y)
        : [...place(mark.x, mark.y), ...place(mark.x + mark.width, mark.y + mark.height)];
    return { ...mark, px };
  });
}
