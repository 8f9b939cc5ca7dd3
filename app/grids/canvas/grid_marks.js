// Top layer: the deformed grid and what one query, or an average one, attends to on it.
import { applyAffine } from "../../explorer/canvas/frames.js";
import { stageRect } from "../../explorer/canvas/layer_field.js";
import { weightRadius } from "../../explorer/canvas/layer_query.js";
import { cellBox, cellOfQuery } from "../../explorer/canvas/queries.js";
import { biasSurface, gridPhotoMarks, objectMarks, surfaceFieldMarks } from "./grid_field.js";
import { gridAspect, gridCaption, gridLegend } from "./grid_figure.js";
import { panelsOf } from "./grid_panels.js";

const LEAST_ARROW = 5; // CSS pixels; shorter ones would be all tip
const INSET = 7;

const GRID_SURFACES = {
  photo: [gridPhotoMarks],
  field: [surfaceFieldMarks, objectMarks],
  marks: [
    cellMarks,
    meshMarks,
    arrowMarks,
    keyLineMarks,
    knotMarks,
    startMarks,
    focusKnotMarks,
    panelNameMarks,
  ],
};

/** What a Stage and a figure need to draw a grid instead of sampling points. */
export const GRID_DRAWING = {
  SURFACES: GRID_SURFACES,
  composeScene: composeGridScene,
  aspect: gridAspect,
  captionLines: gridCaption,
  legendTerms: gridLegend,
  surfaceMarks: (scene, surface) => GRID_SURFACES[surface].flatMap((layerOf) => layerOf(scene)),
};

export function composeGridScene(state, width, height) {
  const { layer, view, query } = state;
  const scene = { ...state, width, height, panels: panelsOf(layer.header, view, width, height) };
  scene.knots = layer.weighted(query, view);
  scene.keys = scene.knots.slice(0, view.top);
  scene.groups = [...new Set(view.heads.map((head) => layer.groupOf(head)))];
  scene.bias = biasSurface(scene);
  scene.placed = scene.panels.flatMap((panel) =>
    scene.knots.map((knot) => ({
      ...knot,
      ...stagePlace(scene, panel, knot),
      radius: weightRadius(scene, knot.weight),
      panel,
    })),
  );
  return scene;
}

/** A knot on the stage; one beyond its picture waits at the edge. */
function stagePlace(scene, panel, { group, knot }) {
  const [x, y] = applyAffine(panel.toStage, ...scene.layer.place(group, knot, panel.share));
  const inside = (value, from, size) =>
    Math.min(from + size - INSET, Math.max(from + INSET, value));
  const stageX = inside(x, panel.left - INSET, panel.panelWidth + 2 * INSET);
  const stageY = inside(y, panel.top - INSET, panel.panelHeight + 2 * INSET);
  return { stageX, stageY, beyond: stageX !== x || stageY !== y };
}

function headColour({ palette }, head) {
  return palette.heads[head % palette.heads.length];
}

/** White while one group is shown; with several, the colour of a group's first head. */
function groupColour(scene, group) {
  if (scene.groups.length === 1) return "#ffffff";
  return headColour(
    scene,
    scene.view.heads.find((head) => scene.layer.groupOf(head) === group),
  );
}

function cellMarks(scene) {
  if (scene.view.importance) return [];
  const { level, row, column } = cellOfQuery(scene.layer, scene.query);
  return scene.panels.map((panel) => ({
    ...stageRect({ ...scene, toStage: panel.toStage }, cellBox(scene.layer, level, row, column)),
    stroke: "#ffffff",
    lineWidth: 2,
    halo: "#000000",
    fill: "#ffffff",
    fillAlpha: 0.16,
  }));
}

/** Lines between neighbouring knots, a row or column in one stroke. */
function meshMarks(scene) {
  const { layer, view } = scene;
  if (!view.mesh) return [];
  const [height, width] = layer.header.grid_hw;
  const lines = [];
  for (let row = 0; row < height; row++)
    lines.push(Array.from({ length: width }, (_, column) => row * width + column));
  for (let column = 0; column < width; column++)
    lines.push(Array.from({ length: height }, (_, row) => row * width + column));
  return scene.panels.flatMap((panel) =>
    scene.groups.flatMap((group) =>
      lines.map((line) => ({
        type: "line",
        stroke: groupColour(scene, group),
        lineWidth: 1.6,
        alpha: 0.9,
        halo: "#00000088",
        points: line.map((knot) => {
          const { stageX, stageY } = stagePlace(scene, panel, { group, knot });
          return [stageX, stageY];
        }),
      })),
    ),
  );
}

/** From each knot's start to where it is now. */
function arrowMarks(scene) {
  const { layer, view } = scene;
  if (!view.arrows) return [];
  const marks = [];
  for (const panel of scene.panels.filter(({ share }) => share > 0)) {
    for (const group of scene.groups) {
      for (let knot = 0; knot < layer.header.knots; knot++) {
        const from = applyAffine(panel.toStage, ...layer.place(group, knot, 0));
        const { stageX, stageY } = stagePlace(scene, panel, { group, knot });
        marks.push(...arrow(from, [stageX, stageY], groupColour(scene, group)));
      }
    }
  }
  return marks;
}

function arrow([fromX, fromY], [toX, toY], stroke) {
  const length = Math.hypot(toX - fromX, toY - fromY);
  const start = { type: "circle", x: fromX, y: fromY, radius: 1.4, fill: stroke, alpha: 0.7 };
  if (length < LEAST_ARROW) return [start];
  const [dx, dy] = [(toX - fromX) / length, (toY - fromY) / length];
  const wing = (side) => [toX - 5 * dx - side * 2.6 * dy, toY - 5 * dy + side * 2.6 * dx];
  const style = { type: "line", stroke, lineWidth: 1, alpha: 0.6 };
  return [
    start,
    {
      ...style,
      points: [
        [fromX, fromY],
        [toX, toY],
      ],
      dash: [3, 2],
    },
    { ...style, points: [wing(1), [toX, toY], wing(-1)] },
  ];
}

/** From the query to its heaviest keys; wider for more weight. */
function keyLineMarks(scene) {
  const { layer, view, query } = scene;
  if (!view.lines || view.importance) return [];
  const most = scene.keys[0]?.weight || 1;
  return scene.panels.flatMap((panel) => {
    const from = applyAffine(panel.toStage, ...layer.start(query));
    return scene.keys.map((key) => {
      const { stageX, stageY } = stagePlace(scene, panel, key);
      return {
        type: "line",
        points: [from, [stageX, stageY]],
        stroke: headColour(scene, key.head),
        lineWidth: 0.8 + 2.4 * (key.weight / most),
        halo: "#000000aa",
      };
    });
  });
}

/** A disc per head and knot, its area the weight; heavy ones below. Hollow beyond the map. */
function knotMarks(scene) {
  return scene.placed.map(({ head, stageX, stageY, radius, beyond }) => ({
    type: "circle",
    x: stageX,
    y: stageY,
    radius: beyond ? Math.max(3, radius) : radius,
    fill: headColour(scene, head),
    fillAlpha: beyond ? 0.15 : 0.9,
    stroke: beyond ? headColour(scene, head) : scene.palette.edge,
    lineWidth: 1,
    halo: radius > 3 && !beyond ? scene.palette.halo : undefined,
  }));
}

/** Where the query's displacements start; not the cell's middle in every version. */
function startMarks(scene) {
  if (scene.view.importance) return [];
  const arm = 7;
  return scene.panels.flatMap((panel) => {
    const [x, y] = applyAffine(panel.toStage, ...scene.layer.start(scene.query));
    return [
      [
        [x - arm, y],
        [x + arm, y],
      ],
      [
        [x, y - arm],
        [x, y + arm],
      ],
    ].map((points) => ({
      type: "line",
      points,
      stroke: "#ffffff",
      lineWidth: 2,
      halo: "#000000",
    }));
  });
}

/** The knot in the readout, and the displacement its bias is read at. */
function focusKnotMarks(scene) {
  const { focus, layer, query } = scene;
  if (!focus) return [];
  return scene.panels.flatMap((panel) => {
    const { stageX, stageY } = stagePlace(scene, panel, {
      group: layer.groupOf(focus.head),
      knot: focus.knot,
    });
    const from = applyAffine(panel.toStage, ...layer.start(query));
    return [
      {
        type: "line",
        points: [from, [stageX, stageY]],
        stroke: "#ffffff",
        lineWidth: 1.5,
        dash: [5, 4],
        halo: "#000000",
      },
      {
        type: "circle",
        x: stageX,
        y: stageY,
        radius: weightRadius(scene, layer.weight(focus.head, query, focus.knot)) + 5,
        stroke: "#ffffff",
        lineWidth: 2,
        halo: "#000000",
      },
    ];
  });
}

function panelNameMarks(scene) {
  if (!scene.view.split) return [];
  return scene.panels.map(({ left, top, isRegular }) => ({
    type: "text",
    text: isRegular ? "regular grid" : "deformed grid",
    x: left + 10,
    y: top + 22,
    size: 14,
    weight: 700,
    font: scene.font,
    fill: "#ffffff",
    halo: "#000000dd",
  }));
}
