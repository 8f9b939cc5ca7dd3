// Words of a text that the glossary explains: the first time each stands there it can be asked for.
import { element } from "../kit/elements.js";

const LETTER = /[A-Za-z]/;
// Chinese words in which a single character that the glossary explains means something else.
const COMPOUNDS = ["开头", "里头", "值得", "价值", "比值", "数值", "最大值", "极大值"];

/**
 * Where a form stands in a text as a word of its own, or -1.
 * @param {string} text
 * @param {string} form
 */
export function placeOf(text, form) {
  const folded = text.toLowerCase();
  const wanted = form.toLowerCase();
  for (let at = folded.indexOf(wanted); at >= 0; at = folded.indexOf(wanted, at + 1)) {
    const before = text[at - 1] ?? " ";
    const after = text[at + form.length] ?? " ";
    const latin = LETTER.test(form);
    if (isInside(text, at)) continue;
    if (!latin || (!LETTER.test(before) && !LETTER.test(after))) return at;
  }
  return -1;
}

/** Whether a place of a text lies in one of the compounds. */
function isInside(text, at) {
  return COMPOUNDS.some((word) => {
    const from = text.indexOf(word, Math.max(0, at - word.length + 1));
    return from >= 0 && from <= at;
  });
}

/**
 * The pieces of a text: strings, and { form, term } for what is explained; longer forms first.
 * @param {string} text
 * @param {{ name: string, forms: string[], means: string }[]} glossary
 * @param {Set<string>} met names that were explained before; those found are added
 */
export function piecesOf(text, glossary, met) {
  const forms = glossary
    .flatMap((term) => term.forms.map((form) => ({ form, term })))
    .sort((a, b) => b.form.length - a.form.length);
  /** @type {(string | { form: string, term: any })[]} */
  const pieces = [text];
  for (const { form, term } of forms) {
    if (met.has(term.name)) continue;
    const index = pieces.findIndex(
      (piece) => typeof piece === "string" && placeOf(piece, form) >= 0,
    );
    if (index < 0) continue;
    const piece = /** @type {string} */ (pieces[index]);
    const at = placeOf(piece, form);
    const found = { form: piece.slice(at, at + form.length), term };
    pieces.splice(index, 1, piece.slice(0, at), found, piece.slice(at + form.length));
    met.add(term.name);
  }
  return pieces.filter((piece) => piece !== "");
}

/** A text as nodes; what stands in it between backticks is code. */
const withCode = (text) =>
  text.split("`").map((part, at) => (at % 2 ? element("code", {}, part) : part));

/** A text as nodes, in which explained words open what they mean below the text. */
export function explained(text, glossary, met) {
  const note = element("div", { class: "dl-means", role: "note", hidden: true });
  let open = "";
  const nodes = piecesOf(text, glossary ?? [], met).flatMap((piece) => {
    if (typeof piece === "string") return withCode(piece);
    return element(
      "button",
      {
        type: "button",
        class: "dl-term",
        "aria-expanded": "false",
        onclick: (event) => {
          const same = open === piece.term.name;
          open = same ? "" : piece.term.name;
          note.hidden = same;
          note.textContent = `${piece.term.forms.at(-1)}: ${piece.term.means}`;
          for (const other of note.parentElement?.querySelectorAll(".dl-term") ?? [])
            other.setAttribute("aria-expanded", String(other === event.currentTarget && !same));
        },
      },
      piece.form,
    );
  });
  return element(
    "div",
    { class: "dl-explained" },
    element("p", { class: "dl-say" }, ...nodes),
    note,
  );
}
