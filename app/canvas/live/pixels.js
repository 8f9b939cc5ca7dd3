// What a model reads of a picture: its middle in the model's own shape, at the model's own size.
import { say } from "../kit/words.js";

const MOST_BYTES = 20e6;
const MOST_MEGAPIXELS = 40;
const MOST_SLENDER = 100; // as deformviz/tracing/pictures.py has them
const LONGEST_SHOWN = 1024; // px

export function canvasOf(hw) {
  const [height, width] = hw;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  return canvas;
}

/** A 2-D context whose pixels are read back. */
export const brush = (canvas) => canvas.getContext("2d", { willReadFrequently: true });

/** A picture from a file of the visitor's; throws a sentence where it cannot be one. */
export async function readPicture(file) {
  if (!file.size) throw new Error(say("live.empty", { name: file.name }));
  if (file.size > MOST_BYTES) {
    const values = { name: file.name, size: (file.size / 1e6).toFixed(1), most: MOST_BYTES / 1e6 };
    throw new Error(say("live.too_many_bytes", values));
  }
  const address = URL.createObjectURL(file);
  const picture = new Image();
  try {
    await new Promise((resolve, reject) => {
      Object.assign(picture, { onload: resolve, onerror: reject, src: address });
    });
    checkSize(file.name, picture.naturalWidth, picture.naturalHeight);
    await picture.decode();
  } catch (problem) {
    throw problem.isSaid ? problem : new Error(say("live.no_picture", { name: file.name }));
  } finally {
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }
  return picture;
}

/** Sizes are known before a picture is decoded. */
function checkSize(name, width, height) {
  const megapixels = (width * height) / 1e6;
  let sentence = "";
  if (megapixels > MOST_MEGAPIXELS) {
    const values = { name, size: megapixels.toFixed(0), most: MOST_MEGAPIXELS };
    sentence = say("live.too_large", values);
  } else if (Math.max(width, height) > MOST_SLENDER * Math.min(width, height))
    sentence = say("live.too_slender", { name, width, height });
  if (sentence) throw Object.assign(new Error(sentence), { isSaid: true });
}

/** The largest middle part of a size with another's aspect: left, top, width, height. */
export function middle(hw, likeHw) {
  const [[height, width], [likeHeight, likeWidth]] = [hw, likeHw];
  const wide = Math.min(width, (height * likeWidth) / likeHeight);
  const tall = Math.min(height, (width * likeHeight) / likeWidth);
  return [(width - wide) / 2, (height - tall) / 2, wide, tall];
}

/**
 * A canvas with the middle of a picture in the model's shape, at most so large as is shown.
 * @param {CanvasImageSource} source
 * @param {number[]} sizeHw of the source
 * @param {number[]} inputHw of the model
 */
export function cut(source, sizeHw, inputHw) {
  const [left, top, wide, tall] = middle(sizeHw, inputHw);
  const least = Math.max(...inputHw) / Math.max(wide, tall);
  const scale = Math.max(least, Math.min(1, LONGEST_SHOWN / Math.max(wide, tall)));
  const shown = canvasOf([Math.round(tall * scale), Math.round(wide * scale)]);
  const to = brush(shown);
  to.fillStyle = "#ffffff"; // transparency is laid over white
  to.fillRect(0, 0, shown.width, shown.height);
  to.imageSmoothingQuality = "high";
  to.drawImage(source, left, top, wide, tall, 0, 0, shown.width, shown.height);
  return shown;
}

/** A canvas as the model reads it: [3 height width], values from 0 to 255. */
export function pixelsOf(canvas, hw) {
  const [height, width] = hw;
  let source = canvas;
  if (canvas.width !== width || canvas.height !== height) {
    source = canvasOf([height, width]);
    const to = brush(source);
    to.imageSmoothingQuality = "high";
    to.drawImage(halved(canvas, [height, width]), 0, 0, width, height);
  }
  return planes(brush(source).getImageData(0, 0, width, height).data);
}

/** Halved as long as it stays twice too large: a single step would skip pixels. */
function halved(canvas, hw) {
  const [height, width] = hw;
  let source = canvas;
  while (source.width >= 4 * width && source.height >= 4 * height) {
    const next = canvasOf([Math.floor(source.height / 2), Math.floor(source.width / 2)]);
    brush(next).drawImage(source, 0, 0, next.width, next.height);
    source = next;
  }
  return source;
}

/** Pixels one after another, red, green, blue and opacity, as one plane per colour. */
export function planes(rgba) {
  const count = rgba.length / 4;
  const values = new Float32Array(3 * count);
  for (let at = 0; at < count; at++) {
    for (let colour = 0; colour < 3; colour++) values[colour * count + at] = rgba[4 * at + colour];
  }
  return values;
}
