// Reverse look-up in words: the queries that read a cell, heaviest first.
import { element, setText } from "../kit/elements.js";
import { say } from "../kit/words.js";
import { queryName } from "./queries.js";

const LISTED = 9;

export class LookupList {
  constructor(explorer) {
    this.explorer = explorer;
    this.title = element("h4");
    this.list = element("ol");
    this.root = element(
      "section",
      { class: "dv-lookup", hidden: true, "aria-label": say("canvas.sampling.readers.label") },
      this.title,
      this.list,
    );
    explorer.addEventListener("drawn", () => this.update());
  }

  update() {
    const { explorer } = this;
    const { lookup } = explorer;
    this.root.hidden = !explorer.view.reverse;
    if (this.root.hidden || lookup === this.shown) return;
    this.shown = lookup;
    if (!lookup) {
      setText(this.title, say("canvas.sampling.readers.ask"));
      this.list.replaceChildren();
      return;
    }
    setText(this.title, say("canvas.sampling.readers.title"));
    this.list.replaceChildren(
      ...lookup.ranked.slice(0, LISTED).map(({ query, amount }) => {
        const share = element("span", { class: "dv-share" });
        share.style.setProperty("--dv-share", String(amount / lookup.ranked[0].amount));
        return element(
          "li",
          {},
          element(
            "button",
            {
              type: "button",
              onclick: () => this.choose(query),
            },
            share,
            queryName(explorer.layer, query),
            element("span", { class: "dv-number" }, amount.toFixed(3)),
          ),
        );
      }),
    );
  }

  choose(query) {
    this.explorer.place = null;
    this.explorer.setView({ reverse: false });
    this.explorer.pin(query);
  }
}
