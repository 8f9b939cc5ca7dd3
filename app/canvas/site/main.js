// A page of the published site: plain files, and nobody who computes. What it shows lies in the page.
import { element } from "../kit/elements.js";
import { learn, say } from "../kit/words.js";
import { showCanvas } from "./canvas.js";
import { showEquations } from "./equations.js";
import { showLesson } from "./lesson.js";
import { showPictures } from "./pictures.js";

const SHOWS = {
  canvas: showCanvas,
  equations: showEquations,
  lesson: showLesson,
  pictures: showPictures,
};

/** Show what the page carries, or say why that is not possible. */
async function open() {
  const facts = JSON.parse(document.getElementById("dv-site").textContent);
  const room = document.getElementById("dv-room");
  learn(facts.words);
  try {
    if (!("DecompressionStream" in globalThis)) throw new Error(say("site.old_browser"));
    await SHOWS[facts.shows](facts, room);
  } catch (problem) {
    // An error that is not ours is of a script that did not come, or of a file that is not whole.
    const why = problem.constructor === Error ? problem.message : say("site.broken");
    const sentence = say("site.failed", { problem: why });
    room.replaceChildren(element("p", { role: "alert" }, sentence));
  }
}

open();
