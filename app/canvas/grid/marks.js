// Top layer: the deformed grid and what one query, or an average one, attends to on it.
import { cellBox, cellOfQuery } from "../kit/cells.js";
import { applyAffine } from "../kit/frames.js";
import { crossLines, stageRect, weightRadius } from "../kit/marks.js";
import { countTo } from "../kit/view.js";
import { say } from "../kit/words.js";
import { stagePlace } from "./panels.js";

const LEAST_ARROW = 5; // pixels; shorter ones would be all tip
const ARM = 7; // of the cross, each way

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

/** Marks of every picture on the stage: `draw(panel)` gives those of one. */
function onEachPanel(scene, draw) {
  return scene.panels.flatMap((panel, index) =>
    draw(panel).map((mark) => ({ ...mark, panel: index })),
  );
}

/** Where a query's displacements start, on the stage. */
function startOnStage(scene, { toStage }) {
  const [x, y] = scene.layer.start(scene.query);
  return applyAffine(toStage, x, y);
}

export function cellMarks(scene) {
  const { layer, query, view } = scene;
  if (view.importance) return [];
  const { level, row, column } = cellOfQuery(layer, query);
  return onEachPanel(scene, (panel) => [
    {
      ...stageRect(panel, cellBox(layer, level, row, column)),
      of: { query, row, column },
      stroke: "#ffffff",
      lineWidth: 2,
      halo: "#000000",
      fill: "#ffffff",
      fillAlpha: 0.16,
    },
  ]);
}

/** Lines between neighbouring knots, a row or column in one stroke. */
export function meshMarks(scene) {
  const { layer, view, groups } = scene;
  if (!view.mesh) return [];
  const [height, width] = layer.header.grid_hw;
  const rows = countTo(height);
  const columns = countTo(width);
  const lines = [
    ...rows.map((row) => ({ of: { row }, knots: columns.map((column) => row * width + column) })),
    ...columns.map((column) => ({
      of: { column },
      knots: rows.map((row) => row * width + column),
    })),
  ];
  const line = { kind: "line", lineWidth: 1.6, alpha: 0.9, halo: "#00000088" };
  return onEachPanel(scene, (panel) =>
    groups.flatMap((group) =>
      lines.map(({ of, knots }) => ({
        ...line,
        of: { group, ...of },
        stroke: groupColour(scene, group),
        points: knots.map((knot) => {
          const { stageX, stageY } = stagePlace(scene, panel, { group, knot });
          return [stageX, stageY];
        }),
      })),
    ),
  );
}

/** From each knot's start to where it is now. */
export function arrowMarks(scene) {
  const { layer, view, groups } = scene;
  if (!view.arrows) return [];
  const knots = countTo(layer.header.knots);
  return onEachPanel(scene, (panel) => {
    if (!(panel.share > 0)) return [];
    return groups.flatMap((group) =>
      knots.flatMap((knot) => {
        const [x, y] = layer.place(group, knot, 0);
        const from = applyAffine(panel.toStage, x, y);
        const { stageX, stageY } = stagePlace(scene, panel, { group, knot });
        return arrow(from, [stageX, stageY], { group, knot }, groupColour(scene, group));
      }),
    );
  });
}

function arrow([fromX, fromY], [toX, toY], of, stroke) {
  const length = Math.hypot(toX - fromX, toY - fromY);
  const dot = { kind: "marker", shape: "circle", of, x: fromX, y: fromY, size: 1.4 };
  const start = { ...dot, fill: stroke, alpha: 0.7 };
  if (length < LEAST_ARROW) return [start];
  const [dx, dy] = [(toX - fromX) / length, (toY - fromY) / length];
  const wing = (side) => [toX - 5 * dx - side * 2.6 * dy, toY - 5 * dy + side * 2.6 * dx];
  const line = { kind: "line", stroke, lineWidth: 1, alpha: 0.6 };
  const [from, to] = [
    [fromX, fromY],
    [toX, toY],
  ];
  return [
    start,
    { ...line, of: { ...of, part: "shaft" }, points: [from, to], dash: [3, 2] },
    { ...line, of: { ...of, part: "tip" }, points: [wing(1), to, wing(-1)] },
  ];
}

/** From the query to its heaviest keys; wider for more weight. */
export function keyLineMarks(scene) {
  const { view, query, keys } = scene;
  if (!view.lines || view.importance) return [];
  const most = keys[0]?.weight || 1;
  return onEachPanel(scene, (panel) => {
    const from = startOnStage(scene, panel);
    return keys.map((key) => {
      const { stageX, stageY } = stagePlace(scene, panel, key);
      return {
        kind: "line",
        of: { query, ...key },
        points: [from, [stageX, stageY]],
        stroke: headColour(scene, key.head),
        lineWidth: 0.8 + 2.4 * (key.weight / most),
        halo: "#000000aa",
      };
    });
  });
}

/** A disc per head and knot, its area the weight; heavy ones below. Hollow beyond the map. */
export function knotMarks(scene) {
  const { view, query } = scene;
  const whose = view.importance ? {} : { query };
  return scene.placed.map(
    ({ head, group, knot, weight, x, y, stageX, stageY, radius, beyond, panel }) => ({
      kind: "marker",
      shape: "circle",
      of: { ...whose, head, group, knot, weight, x, y, beyond },
      panel,
      x: stageX,
      y: stageY,
      size: beyond ? Math.max(3, radius) : radius,
      fill: headColour(scene, head),
      fillAlpha: beyond ? 0.15 : 0.9,
      stroke: beyond ? headColour(scene, head) : scene.palette.edge,
      lineWidth: 1,
      halo: radius > 3 && !beyond ? scene.palette.halo : undefined,
    }),
  );
}

/** Where the query's displacements start; not the cell's middle in every version. */
export function startMarks(scene) {
  const { view, query } = scene;
  if (view.importance) return [];
  const line = { kind: "line", of: { query }, stroke: "#ffffff", lineWidth: 2, halo: "#000000" };
  return onEachPanel(scene, (panel) => {
    const [x, y] = startOnStage(scene, panel);
    return crossLines(x, y, ARM).map((points) => ({ ...line, points }));
  });
}

/** The knot in the readout, and the displacement its bias is read at. */
export function focusKnotMarks(scene) {
  const { focus, layer, query } = scene;
  if (!focus) return [];
  const { head, knot } = focus;
  const group = layer.groupOf(head);
  const of = { query, head, group, knot };
  const ring = { kind: "marker", shape: "circle", of, stroke: "#ffffff", lineWidth: 2 };
  return onEachPanel(scene, (panel) => {
    const { stageX: x, stageY: y } = stagePlace(scene, panel, { group, knot });
    const size = weightRadius(scene, layer.weight(head, query, knot)) + 5;
    return [
      {
        kind: "line",
        of: { ...of, part: "displacement" },
        points: [startOnStage(scene, panel), [x, y]],
        stroke: "#ffffff",
        lineWidth: 1.5,
        dash: [5, 4],
        halo: "#000000",
      },
      { ...ring, x, y, size, halo: "#000000" },
    ];
  });
}

export function panelNameMarks(scene) {
  if (!scene.view.split) return [];
  return onEachPanel(scene, ({ left, top, isRegular }) => [
    {
      kind: "text",
      text: say(isRegular ? "canvas.grid.panel.regular" : "canvas.grid.panel.deformed"),
      x: left + 10,
      y: top + 22,
      size: 14,
      weight: 700,
      font: scene.font,
      fill: "#ffffff",
      halo: "#000000dd",
    },
  ]);
}
