// A picture of the equations without a browser: { marks }, see kit/marks_door.js. `given` is
// { data, palette, scope, width, height }: one of the lesson's pictures, "all", "head", "sample" or
// "pixels", and the room on the screen. Places are in pixels of the picture.
import { surfaceMarks } from "../kit/marks.js";
import { EQUATIONS_DRAWING } from "./marks.js";

export function marks({ data, palette, scope = "all", width, height }) {
  const scene = EQUATIONS_DRAWING.compose({ data, palette, scope }, width, height);
  return { picture: surfaceMarks(EQUATIONS_DRAWING, scene, "picture") };
}
