// The door of the replay: builds it once, and shows what it is handed at each rerun.
import { door } from "../kit/door.js";
import { element, setText } from "../kit/elements.js";
import { GridLegend } from "../grid/legend.js";
import { whole } from "../kit/packed.js";
import { loadPicture } from "../kit/page.js";
import { worstProof } from "../kit/proof.js";
import { ProofBadge } from "../kit/proof_badge.js";
import { say } from "../kit/words.js";
import { Legend } from "../sampling/legend.js";
import { Controls } from "./controls.js";
import { CurvesPanel } from "./curves_panel.js";
import { GridControls } from "./grid_controls.js";
import { REPLAY_KINDS } from "./kinds.js";
import { Replayer } from "./replayer.js";
import { SamplingControls } from "./sampling_controls.js";
import { Scrubber } from "./scrubber.js";
import { Theatre } from "./theatre.js";

const PICTURES_KEPT = 8;
// What stands around the pictures, by what they draw.
const AROUND = {
  sampling: { Legend, OwnControls: SamplingControls },
  grid: { Legend: GridLegend, OwnControls: GridControls },
};

class ReplayPage {
  constructor({ drawing, palette }) {
    const { Legend: Signs, OwnControls } = AROUND[drawing];
    this.replayer = new Replayer(palette, REPLAY_KINDS[drawing]);
    this.wanted = null; // addresses that are on show, or on their way
    this.pictures = new Map();
    this.theatre = new Theatre(this.replayer);
    this.curves = new CurvesPanel(this.replayer);
    this.live = element("div", {
      class: "dr-live dv-quiet",
      role: "status",
      "aria-live": "polite",
    });
    this.proof = new ProofBadge();
    const signs = new Signs(this.replayer);
    const tell = (words) => setText(this.live, words);
    this.root = element(
      "div",
      { class: "dv dr" },
      new Controls(this.replayer, new OwnControls(this.replayer), this.theatre, tell).root,
      element(
        "div",
        { class: "dr-stagehouse" },
        element(
          "div",
          { class: "dr-left" },
          this.theatre.root,
          new Scrubber(this.replayer).root,
          this.proof.root,
          this.live,
        ),
        element("div", { class: "dr-right" }, signs.root, signs.scale, this.curves.root),
      ),
    );
    const { replayer, theatre } = this;
    Object.assign(this.root, { __replay: { counters: theatre.counters, replayer, theatre } });
    replayer.addEventListener("drawn", () => requestAnimationFrame(() => this.prove()));
    for (const name of ["changed", "waiting"])
      this.replayer.addEventListener(name, () => this.complain());
  }

  /** Of all pictures on show the proof that says least. */
  prove() {
    const stages = this.theatre.rows.flatMap((row) => row.stages);
    const headers = stages.flatMap(({ stage }) => (stage.scene ? [stage.scene.layer.header] : []));
    if (headers.length) this.proof.show(worstProof(headers.map(({ proof }) => proof)));
  }

  complain() {
    const failed = this.replayer.runs.find((run) => run.problem);
    if (failed) setText(this.live, failed.problem);
  }

  async update(data) {
    const wanted = JSON.stringify([data.manifests, data.pictures]);
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    try {
      const [manifests, pictures] = await Promise.all([
        Promise.all(data.manifests.map(readManifest)),
        Promise.all(data.pictures.map((address) => this.pictureAt(address))),
      ]);
      if (wanted !== this.wanted) return;
      this.replayer.show(manifests, pictures);
      setText(this.live, "");
    } catch (error) {
      this.wanted = null;
      setText(this.live, say("canvas.replay.reload", { problem: error.message }));
    }
  }

  async pictureAt(address) {
    const known = this.pictures.get(address);
    if (known) return known;
    const picture = await loadPicture(address);
    if (this.pictures.size > PICTURES_KEPT) this.pictures.clear();
    this.pictures.set(address, picture);
    return picture;
  }

  close() {
    this.wanted = null; // what is still on its way is not shown any more
    this.replayer.close();
    this.theatre.close();
    this.curves.close();
  }
}

function readManifest(address) {
  async function read() {
    const response = await fetch(address);
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  }
  return whole(read, () => say("canvas.kit.trace.broken"));
}

const { render, streamlit } = door((data) => new ReplayPage(data));
export default { render };
export { streamlit };
