// The small badge below a picture that says how well its layer replays; red where it does not.
import { element, setText } from "./elements.js";
import { proofWords, standingOf } from "./proof.js";

export class ProofBadge {
  constructor() {
    this.root = element("span", { class: "dv-proof", role: "status" });
  }

  show(proof) {
    const [words, meaning] = proofWords(proof ?? null);
    setText(this.root, words);
    this.root.title = meaning;
    this.root.classList.toggle("dv-proof-bad", standingOf(proof) === "wrong");
  }
}
