// Between two snapshots: everything on its way from one to the next, for playing only.

function mix(a, b, share) {
  return a === null || b === null ? a : a + share * (b - a);
}

function mixAll(a, b, share) {
  return a.map((value, index) => mix(value, b[index], share));
}

/** A layer that answers for one query: `share` of the way from `from` to `to`. */
export function blendedLayer(from, fromQuery, to, toQuery, share) {
  const blended = Object.create(from);
  blended.sample = (_, head, level, point) => {
    const start = from.sample(fromQuery, head, level, point);
    const end = to.sample(toQuery, head, level, point);
    return {
      ...start,
      x: mix(start.x, end.x, share),
      y: mix(start.y, end.y, share),
      weight: mix(start.weight, end.weight, share),
    };
  };
  blended.reference = (_, level = 0) => {
    const start = from.reference(fromQuery, level);
    const end = to.reference(toQuery, level);
    return Object.fromEntries(
      ["x", "y", "width", "height"].map((name) => [name, mix(start[name], end[name], share)]),
    );
  };
  return blended;
}

/** A deformed grid `share` of the way from `from` to `to`; queries are cells, the same in both. */
export function blendedGrid(from, fromQuery, to, toQuery, share) {
  const blended = Object.create(from);
  blended.place = (group, knot, slide) =>
    mixAll(from.place(group, knot, slide), to.place(group, knot, slide), share);
  blended.weight = (head, _, knot) =>
    mix(from.weight(head, fromQuery, knot), to.weight(head, toQuery, knot), share);
  blended.importance = (head) => mixAll(from.importance(head), to.importance(head), share);
  return blended;
}
