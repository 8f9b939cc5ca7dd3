// A lesson: the player, and its step in the address.
import { at, mount } from "./canvas.js";
import { readKept } from "./kept.js";

/** `facts.whole`: where the lesson goes on after its first step; "" where that is this page. */
export async function showLesson(facts, room) {
  const step = () => new URL(window.location.href).searchParams.get("step") ?? "";
  const lesson = await readKept(facts.lesson);
  const data = { ...facts.player, lesson, step: facts.whole ? "" : step(), done: [] };
  const player = await mount(facts.canvas, data, room, (name, told) => {
    if (name !== "step") return;
    if (facts.whole && told.step !== lesson.steps[0].name)
      window.location.href = at(`${facts.whole}?step=${told.step}`);
    else if (!facts.whole) window.history.replaceState(null, "", `?step=${told.step}`);
  });
  window.addEventListener("popstate", () => player.renew({ ...data, step: step() }));
}
