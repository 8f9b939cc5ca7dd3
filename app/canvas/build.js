// Builds deformviz/bundles: `npm run build`. With --check it writes nothing and fails on a difference.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const TO = join(HERE, "..", "..", "deformviz", "bundles");
const KINDS = readdirSync(HERE).filter((name) => existsSync(join(HERE, name, "main.js")));
const WORDS = join(TO, "..", "words");
const ENGLISH = JSON.parse(readFileSync(join(WORDS, "en.json"), "utf8"));
const checks = process.argv.includes("--check");

const USUAL = {
  bundle: true,
  write: false,
  minify: true,
  charset: "utf8",
  target: "es2023",
  legalComments: "none",
};

/** The English words of a kind, which what draws without a browser is built with. */
function wordsOf(kind) {
  const others = JSON.parse(readFileSync(join(TO, "words.json"), "utf8"));
  const rooms = others[kind] ?? ["canvas.kit", `canvas.${kind}`];
  return JSON.stringify(chosenOf(ENGLISH, rooms));
}

/** The words whose keys begin with one of some rooms. */
function chosenOf(words, rooms) {
  const mine = ([key]) => rooms.some((room) => key.startsWith(`${room}.`));
  return Object.fromEntries(Object.entries(words).filter(mine));
}

/**
 * The element: one file with style and the words of every language inside, for pages of strangers.
 * What it is built with stands in built.d.ts.
 */
async function elementFile() {
  const from = (name) => join(HERE, "element", name);
  const built = async (options) => (await build({ ...USUAL, ...options })).outputFiles[0].text;
  const rooms = ["canvas.kit", "canvas.sampling", "element"];
  const words = {};
  for (const file of ["en.json", ...readdirSync(WORDS).filter((name) => name !== "en.json")]) {
    if (!file.endsWith(".json")) continue;
    const there = { ...ENGLISH, ...JSON.parse(readFileSync(join(WORDS, file), "utf8")) };
    words[file.replace(".json", "")] = chosenOf(there, rooms);
  }
  const style = await built({ entryPoints: [from("style.css")] });
  const palette = JSON.parse(readFileSync(join(TO, "palette.json"), "utf8"));
  const define = { WORDS: "{}", ELEMENT: JSON.stringify({ style, words, palette }) };
  return [
    "deform-viz.js",
    await built({ entryPoints: [from("one_file.js")], format: "iife", define }),
  ];
}

/** What is built of one kind: [file name, text]. */
async function filesOf(kind) {
  const from = (name) => join(HERE, kind, name);
  const text = async (options) => (await build({ ...USUAL, ...options })).outputFiles[0].text;
  const files = [
    [
      `${kind}.js`,
      await text({ entryPoints: [from("main.js")], format: "esm", define: { WORDS: "{}" } }),
    ],
    [`${kind}.css`, await text({ entryPoints: [from("style.css")] })],
  ];
  for (const name of readdirSync(join(HERE, kind)).filter((each) => each.startsWith("part_"))) {
    const part = { entryPoints: [from(name)], format: "esm", define: { WORDS: "{}" } };
    files.push([`${kind}.${name.slice("part_".length)}`, await text(part)]);
  }
  if (existsSync(from("marks_main.js"))) {
    const define = { WORDS: wordsOf(kind) };
    const marks = { entryPoints: [from("marks_main.js")], format: "iife", define };
    files.push([`${kind}.marks.js`, await text({ ...marks, globalName: "deformviz" })]);
  }
  return files;
}

const template = ["offline.html", readFileSync(join(HERE, "kit", "offline.html"), "utf8")];
const files = [...(await Promise.all(KINDS.map(filesOf))).flat(), await elementFile(), template];
mkdirSync(TO, { recursive: true });
const stale = [];
for (const [name, text] of files) {
  const path = join(TO, name);
  if (checks) {
    if (!existsSync(path) || readFileSync(path, "utf8") !== text) stale.push(name);
    continue;
  }
  writeFileSync(path, text);
  const zipped = gzipSync(text, { level: 9 }).length;
  console.log(`${basename(name).padEnd(20)} ${String(text.length).padStart(7)} ${zipped} zipped`);
}
if (stale.length) {
  console.error(
    `Not what the scripts say: ${stale.join(", ")}. Run \`npm run build\`, and commit.`,
  );
  process.exit(1);
}
