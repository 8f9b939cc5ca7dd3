// The math font of the equations.
let font = null;

/** Faces declared inside a shadow root are not used, so the page's document gets it, once. */
export function loadFont(address) {
  if (font) return;
  font = new FontFace("dv-math", `url("${address}")`);
  font.load().then(
    (face) => document.fonts.add(face),
    () => {
      font = null;
    },
  );
}
