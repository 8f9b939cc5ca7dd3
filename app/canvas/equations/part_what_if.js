// What if, as a file of its own; see parts.js.
import { learn } from "../kit/words.js";
import { WhatIf } from "./what_if.js";

/** @returns {import("./parts.js").Part} */
export function make(page, words) {
  learn(words); // a script of its own has words of its own
  return new WhatIf(page);
}
