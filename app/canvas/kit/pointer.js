// Mouse, pen and touch on the stage. Touch: a tap pins, a sideways drag moves the query; the page
// still scrolls up and down, because the style sheet leaves `pan-y` to the browser.

const TAP_REACH = 8;

export function listenToPointer(explorer) {
  const { stage } = explorer;
  let start = null;
  let wasPinned = false;
  const strayed = (at) => start && Math.hypot(at[0] - start[0], at[1] - start[1]) > TAP_REACH;
  stage.root.addEventListener("pointermove", (event) => {
    const at = stage.position(event);
    if (event.pointerType !== "mouse" && strayed(at)) explorer.beginDrag();
    explorer.hoverAt(...at, event);
  });
  stage.root.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = stage.position(event);
    wasPinned = Boolean(explorer.keptView?.pinned);
    if (event.pointerType !== "mouse") explorer.hoverAt(...start, event);
  });
  stage.root.addEventListener("pointerup", (event) => {
    const end = stage.position(event);
    if (start && (!strayed(end) || event.pointerType !== "mouse")) explorer.chooseAt(...end);
    start = null;
  });
  stage.root.addEventListener("pointercancel", () => {
    // the browser scrolls instead
    start = null;
    explorer.leave();
    if (explorer.view?.pinned !== wasPinned)
      explorer.setView({ pinned: wasPinned }, { quietly: true });
  });
  stage.root.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse") explorer.leave();
  });
}
