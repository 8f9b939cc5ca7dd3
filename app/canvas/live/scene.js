// A scene as data: a backdrop and things on it, how it is written in an address, and how it is painted.

/**
 * Lengths are shares: of the stage's width and height for the middle, of its height for the size.
 * @typedef {object} Thing
 * @property {string} name of its picture
 * @property {number} x
 * @property {number} y
 * @property {number} size of its longer side
 * @property {number} turn in degrees, clockwise
 * @property {boolean} mirrored
 */

/** @typedef {{ backdrop: string, things: Thing[] }} Scene things back to front */

export const SIZES = [0.05, 1.2];
const MOST_THINGS = 24;
const PARTS = "~";
const NUMBERS = ",";

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** A thing within what a scene allows. */
export function tidy(thing) {
  return {
    ...thing,
    x: clamp(thing.x, 0, 1),
    y: clamp(thing.y, 0, 1),
    size: clamp(thing.size, ...SIZES),
    turn: ((((thing.turn + 180) % 360) + 360) % 360) - 180,
  };
}

/**
 * A scene from text; null where it is none, or names what is not there.
 * @param {string} text
 * @param {{ backdrops: { name: string }[], things: { name: string }[] }} known
 * @returns {Scene | null}
 */
export function readScene(text, known) {
  const [backdrop, ...rest] = text.split(PARTS);
  if (!known.backdrops.some(({ name }) => name === backdrop)) return null;
  if (rest.length > MOST_THINGS) return null;
  const things = rest.map((written) => {
    const [name, ...numbers] = written.split(NUMBERS);
    const [x, y, size, turn, mirrored] = numbers.map(Number);
    return { name, x, y, size, turn, mirrored: mirrored === 1, count: numbers.length };
  });
  const isOne = ({ name, x, y, size, turn, count }) =>
    known.things.some((thing) => thing.name === name) &&
    count === 5 &&
    [x, y, size, turn].every(Number.isFinite);
  if (!things.every(isOne)) return null;
  return { backdrop, things: things.map(({ count: _, ...thing }) => tidy(thing)) };
}

/** @param {Scene} scene */
export function writeScene({ backdrop, things }) {
  const short = (number, digits) => String(Number(number.toFixed(digits)));
  const written = things.map(({ name, x, y, size, turn, mirrored }) =>
    [name, short(x, 3), short(y, 3), short(size, 3), short(turn, 0), mirrored ? 1 : 0].join(
      NUMBERS,
    ),
  );
  return [backdrop, ...written].join(PARTS);
}

/** Whether another thing has room in a scene. */
export const hasRoom = ({ things }) => things.length < MOST_THINGS;

/**
 * Where a thing lies on a stage of some size: middle, half its sides, and its turn in radians.
 * @param {Thing} thing
 * @param {{ naturalWidth: number, naturalHeight: number }} picture
 */
export function placeOf(thing, picture, hw) {
  const [height, width] = hw;
  const longer = Math.max(picture.naturalWidth, picture.naturalHeight);
  const scale = (thing.size * height) / longer / 2;
  return {
    x: thing.x * width,
    y: thing.y * height,
    halfX: picture.naturalWidth * scale,
    halfY: picture.naturalHeight * scale,
    turn: (thing.turn * Math.PI) / 180,
  };
}

/**
 * A point of the stage in the frame of a place: middle at 0, not turned.
 * @returns {[number, number]}
 */
export function inFrame({ x, y, turn }, [atX, atY]) {
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const [dx, dy] = [atX - x, atY - y];
  return [cos * dx + sin * dy, cos * dy - sin * dx];
}

/**
 * The inverse of `inFrame`.
 * @returns {[number, number]}
 */
export function fromFrame({ x, y, turn }, [atX, atY]) {
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  return [x + cos * atX - sin * atY, y + sin * atX + cos * atY];
}

/** Whether a point of the stage lies on a thing. */
export function covers(place, point) {
  const [x, y] = inFrame(place, point);
  return Math.abs(x) <= place.halfX && Math.abs(y) <= place.halfY;
}

/**
 * Paint a scene; everything it shows has arrived.
 * @param {CanvasRenderingContext2D} to
 * @param {Scene} scene
 * @param {(name: string) => HTMLImageElement} pictureOf
 * @param {number[]} hw of the stage
 */
export function paintScene(to, scene, pictureOf, hw) {
  const [height, width] = hw;
  to.imageSmoothingQuality = "high";
  to.drawImage(pictureOf(scene.backdrop), 0, 0, width, height);
  for (const thing of scene.things) {
    const picture = pictureOf(thing.name);
    const { x, y, halfX, halfY, turn } = placeOf(thing, picture, hw);
    to.save();
    to.translate(x, y);
    to.rotate(turn);
    if (thing.mirrored) to.scale(-1, 1);
    to.drawImage(picture, -halfX, -halfY, 2 * halfX, 2 * halfY);
    to.restore();
  }
}
