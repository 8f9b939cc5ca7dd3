// What the button Back returns to: one entry for each choice, none for arriving. Streamlit adds one
// whenever the server changes the address, also where it only spells out what is on show. Runs before
// Streamlit's own scripts, so it sees every change.
(() => {
  const push = history.pushState.bind(history);
  let chosen = false; // whether the visitor did something since the last entry
  let held = false; // a slider that is dragged is one choice

  const choose = () => {
    chosen = true;
  };
  const listen = (name, hear) => addEventListener(name, hear, { capture: true, passive: true });
  listen("pointerdown", (event) => {
    if (event.button !== 0) return; // others go back and forth, too
    held = true;
    choose();
  });
  listen("pointerup", () => {
    held = false;
  });
  listen("pointercancel", () => {
    held = false;
  });
  listen("keydown", (event) => {
    if (!event.altKey && !event.ctrlKey && !event.metaKey) choose();
  });
  listen("input", () => {
    if (!held) choose();
  });
  listen("drop", choose);
  listen("click", (event) => {
    if (event.detail === 0) choose(); // by a screen reader, without a pointer
  });
  listen("popstate", () => {
    chosen = false;
  });

  history.pushState = (state, unused, address) => {
    if (chosen) push(state, unused, address);
    else history.replaceState(state, unused, address);
    chosen = false;
  };
})();
