// Top layer: where one query samples.
import { applyAffine, placeOf } from "../kit/frames.js";
import { amountColour, readableOn } from "../kit/glyphs.js";
import { markScale, weightRadius } from "../kit/marks.js";

const NUMBERED_RADIUS = 7; // larger points carry the number of their head
const EDGE_INSET = 15;

/** What a mark of a sample stands for. */
export function sampleOf({ query, head, level, point, x, y, weight, beyond }) {
  return { query, head, level, point, x, y, weight, beyond };
}

export function sampleColour(scene, sample) {
  const { palette, view, layer } = scene;
  if (view.colour === "level") return palette.levels[sample.level];
  if (view.colour === "weight") return amountColour(scene.table, sample.weight / scene.mostWeight);
  if (view.colour === "outside") return palette.places[placeOf(layer.header, sample.x, sample.y)];
  return palette.heads[sample.head % palette.heads.length];
}

/** Samples with their stage position; beyond the stage they move to its edge. */
export function placedSamples(scene) {
  return scene.samples.map((sample) => {
    const [x, y] = applyAffine(scene.toStage, sample.x, sample.y);
    const beyond = x < 0 || y < 0 || x > scene.width || y > scene.height;
    const base = {
      ...sample,
      radius: weightRadius(scene, sample.weight),
      beyond,
      trueX: x,
      trueY: y,
    };
    return beyond ? { ...base, ...atEdge(scene, sample, x, y) } : { ...base, stageX: x, stageY: y };
  });
}

/** Where the line from the reference to a point beyond the stage meets its inset edge. */
function atEdge(scene, sample, x, y) {
  const reference = scene.layer.reference(scene.query, sample.level);
  const [fromX, fromY] = applyAffine(scene.toStage, reference.x, reference.y);
  const inset = EDGE_INSET * markScale(scene);
  const inside = (value, size) => Math.min(size - inset, Math.max(inset, value));
  const [startX, startY] = [inside(fromX, scene.width), inside(fromY, scene.height)];
  const shareTo = (start, end, size) => {
    if (end > size - inset) return (size - inset - start) / (end - start);
    return end < inset ? (start - inset) / (start - end) : 1;
  };
  const share = Math.max(
    0,
    Math.min(shareTo(startX, x, scene.width), shareTo(startY, y, scene.height)),
  );
  return {
    stageX: startX + share * (x - startX),
    stageY: startY + share * (y - startY),
    angle: Math.atan2(y - startY, x - startX),
  };
}

/** From the reference to each point. */
export function connectorMarks(scene) {
  const { layer, view, query } = scene;
  if (!view.lines) return [];
  return scene.placed.map((sample) => {
    const { x, y } = layer.reference(query, sample.level);
    return {
      kind: "line",
      of: sampleOf(sample),
      stroke: sampleColour(scene, sample),
      lineWidth: 1.1,
      alpha: 0.7,
      dash: sample.beyond ? [5, 4] : undefined,
      points: [applyAffine(scene.toStage, x, y), [sample.stageX, sample.stageY]],
    };
  });
}

/** Points by weight, the heavy ones below, and arrows for points beyond the stage. */
export function sampleMarks(scene) {
  return scene.placed.flatMap((sample) =>
    pointMarks(scene, sample).map((mark) => ({ ...mark, of: sampleOf(sample) })),
  );
}

function pointMarks(scene, sample) {
  const { palette } = scene;
  const fill = sampleColour(scene, sample);
  const { stageX: x, stageY: y, radius } = sample;
  const shape = palette.marks[sample.level % palette.marks.length];
  const marker = { kind: "marker", shape, x, y, fill, lineWidth: 1 };
  if (sample.beyond) return edgeMarks(scene, sample, marker);
  const point = { ...marker, size: radius, stroke: palette.edge, halo: palette.halo };
  return radius < NUMBERED_RADIUS ? [point] : [point, numberMark(scene, sample, fill)];
}

/** The number of the head, for those to whom two colours look alike. */
function numberMark(scene, sample, fill) {
  const size = Math.min(14, 1.15 * sample.radius);
  return {
    kind: "text",
    text: String(sample.head),
    x: sample.stageX,
    y: sample.stageY + 0.36 * size,
    size,
    weight: 700,
    align: "center",
    font: scene.font,
    fill: readableOn(fill),
  };
}

/** A point beyond the stage: its marker, dashed, at the edge, and an arrow head that points out. */
function edgeMarks(scene, sample, marker) {
  const scale = markScale(scene);
  const [dx, dy] = [Math.cos(sample.angle), Math.sin(sample.angle)];
  const ahead = (along, aside) => [
    sample.stageX + scale * (along * dx - aside * dy),
    sample.stageY + scale * (along * dy + aside * dx),
  ];
  return [
    {
      ...marker,
      size: Math.min(sample.radius, scale * (EDGE_INSET - 4)),
      fillAlpha: 0.45,
      dash: [2, 2],
      stroke: "#ffffff",
    },
    {
      kind: "polygon",
      points: [ahead(6, 4.5), ahead(13.5, 0), ahead(6, -4.5)],
      fill: marker.fill,
      stroke: scene.palette.edge,
      lineWidth: 1,
    },
  ];
}
