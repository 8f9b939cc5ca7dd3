// Taking the picture along: PNG, SVG, CSV, one offline page, a link. All made in the browser.
import { download, element } from "./elements.js";
import { markerMark } from "./glyphs.js";
import { paintAsSvg, paintOnCanvas } from "./paint.js";
import { queryName } from "./queries.js";
import { COLUMNS, sampleFacts } from "./sample_facts.js";
import { SURFACES, composeScene, surfaceMarks } from "./scene.js";
import { viewAddress } from "./view.js";

const MARGIN = 16;
const LINE = 20;
const PNG_SCALE = 2;
const FONT = "system-ui, sans-serif";

function fileName(explorer, page, ending) {
  const words = [page.title || "deformviz", explorer.layer.header.layer, `query ${explorer.query}`];
  return `${words.join(" ").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "")}.${ending}`;
}

/** What the picture shows, in one line, and what to keep in mind. */
export function captionLines(explorer, page) {
  const { header } = explorer.layer;
  const what = [page.title, header.model_label, header.layer, queryName(explorer.layer, explorer.query)];
  const hidden = explorer.view.top ? [`the ${explorer.view.top} heaviest points`] : [];
  return [
    [...what, ...hidden].filter(Boolean).join(" · "),
    [header.honesty_label, page.note].filter(Boolean).join(" · "),
    "Colour: head. Shape: level. Area: attention weight. Cross: reference. Made with deformviz.",
  ].filter(Boolean);
}

/** The picture with legend and caption below it, as marks on white paper. */
export function figureMarks(explorer, page) {
  const { width, height } = explorer.stage.scene;
  const scene = composeScene(explorer.state(), width, height);
  const marks = Object.keys(SURFACES).flatMap((surface) => surfaceMarks(scene, surface));
  const { ink, paper } = scene.palette.light;
  const legend = [];
  let [x, y] = [MARGIN, height + MARGIN + 8];
  const put = (shape, fill, text) => {
    const room = 30 + 7.2 * text.length;
    if (x + room > width) [x, y] = [MARGIN, y + LINE];
    legend.push(markerMark(shape, x + 6, y, 6, { fill, stroke: ink }),
      { type: "text", text, x: x + 18, y: y + 4, size: 12, font: FONT, fill: ink });
    x += room;
  };
  for (const head of explorer.view.heads) put("circle", scene.palette.heads[head % scene.palette.heads.length], `h${head}`);
  for (const level of explorer.view.levels) put(scene.palette.marks[level % scene.palette.marks.length], "none", `level ${level}`);
  for (const text of captionLines(explorer, page)) {
    y += LINE;
    legend.push({ type: "text", text, x: MARGIN, y: y + 6, size: 12, font: FONT, fill: ink });
  }
  const total = y + LINE + MARGIN / 2;
  const sheet = { type: "rect", x: 0, y: 0, width, height: total, fill: paper };
  const strip = { type: "rect", x: 0, y: height, width, height: total - height, fill: paper };
  return { marks: [sheet, ...marks, strip, ...legend], width, height: total };
}

export async function exportPng(explorer, page) {
  const { marks, width, height } = figureMarks(explorer, page);
  const canvas = element("canvas", { width: Math.round(width * PNG_SCALE), height: Math.round(height * PNG_SCALE) });
  const context = canvas.getContext("2d");
  context.scale(PNG_SCALE, PNG_SCALE);
  paintOnCanvas(context, marks);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  download(fileName(explorer, page, "png"), blob);
}

export function exportSvg(explorer, page) {
  const { marks, width, height } = figureMarks(explorer, page);
  const text = paintAsSvg(marks, width, height, captionLines(explorer, page)[0]);
  download(fileName(explorer, page, "svg"), text, "image/svg+xml");
}

/** The shown query's points, every visible column with all its digits. */
export function pointsAsCsv(explorer) {
  const { layer, view, query } = explorer;
  const rows = layer.strongest(query, view).map((sample) => sampleFacts(layer, sample));
  const lines = rows.map((facts) => ["query", ...COLUMNS].map((column) => (
    column === "query" ? query : column[1](facts))).join(","));
  return [["query", ...COLUMNS.map(([name]) => name)].join(","), ...lines, ""].join("\n");
}

export function exportCsv(explorer) {
  download(fileName(explorer, {}, "csv"), pointsAsCsv(explorer), "text/csv");
}

async function asBase64(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}

function pictureAddress(picture) {
  const canvas = element("canvas", { width: picture.naturalWidth, height: picture.naturalHeight });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas.toDataURL("image/jpeg", 0.92);
}

/** One page that needs no server: scripts, styles, trace and picture inside; see offline.html. */
export async function exportHtml(explorer, page) {
  const fetchText = async (address) => {
    const response = await fetch(address);
    if (!response.ok) throw new Error(`${address} answered ${response.status}`);
    return response.text();
  };
  const [template, script, style] = await Promise.all(
    [page.source.template, page.source.script, page.source.style].map(fetchText));
  const zipped = new Blob([explorer.layer.buffer]).stream().pipeThrough(new CompressionStream("gzip"));
  const data = {
    title: page.title, note: page.note, picture_url: pictureAddress(explorer.picture),
    picture_alt: page.pictureAlt, palette: explorer.palette, view: explorer.view,
  };
  const parts = {
    title: page.title.replace(/[<>&"]/g, " "), style, script, trace: await asBase64(await new Response(zipped).blob()),
    data: JSON.stringify(data).replace(/</g, "\\u003c"),
  };
  const html = template.replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
  download(fileName(explorer, page, "html"), html, "text/html");
}

export async function copyLink(explorer) {
  const address = viewAddress(window.location.href, explorer.view, explorer.layer);
  try {
    await navigator.clipboard.writeText(address);
    explorer.tell("notice", { text: "The link to this view is in the clipboard." });
  } catch {
    explorer.tell("notice", { text: `Copy this link: ${address}`, lasting: true });
  }
}
