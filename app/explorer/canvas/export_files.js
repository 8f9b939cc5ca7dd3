// Taking the picture along: PNG, SVG, CSV, one offline page, a link. All made in the browser.
import { download, element } from "./elements.js";
import { figureMarks } from "./figure.js";
import { paintAsSvg, paintOnCanvas } from "./paint.js";
import { COLUMNS, sampleFacts } from "./sample_facts.js";
import { viewAddress } from "./view.js";

const PNG_SCALE = 2;

function fileName(explorer, page, ending) {
  const words = [page.title || "deformviz", explorer.layer.header.layer, `query ${explorer.query}`];
  return `${words
    .join(" ")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")}.${ending}`;
}

export async function exportPng(explorer, page) {
  const { marks, width, height } = figureMarks(explorer, page);
  const canvas = element("canvas", {
    width: Math.round(width * PNG_SCALE),
    height: Math.round(height * PNG_SCALE),
  });
  const context = canvas.getContext("2d");
  context.scale(PNG_SCALE, PNG_SCALE);
  paintOnCanvas(context, marks);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  download(fileName(explorer, page, "png"), blob);
}

export function exportSvg(explorer, page) {
  const { marks, width, height, title } = figureMarks(explorer, page);
  const text = paintAsSvg(marks, width, height, title);
  download(fileName(explorer, page, "svg"), text, "image/svg+xml");
}

/** The shown query's points, every visible column with all its digits. */
export function pointsAsCsv(explorer) {
  const { layer, view, query } = explorer;
  const rows = layer.strongest(query, view).map((sample) => sampleFacts(layer, sample));
  const lines = rows.map((facts) =>
    ["query", ...COLUMNS]
      .map((column) => (column === "query" ? query : column[1](facts)))
      .join(","),
  );
  return [["query", ...COLUMNS.map(([name]) => name)].join(","), ...lines, ""].join("\n");
}

export function exportCsv(explorer) {
  download(fileName(explorer, {}, "csv"), pointsAsCsv(explorer), "text/csv");
}

async function asBase64(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768)
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
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
    [page.source.template, page.source.script, page.source.style].map(fetchText),
  );
  const zipped = new Blob([explorer.layer.buffer])
    .stream()
    .pipeThrough(new CompressionStream("gzip"));
  const data = {
    title: page.title,
    note: page.note,
    picture_url: pictureAddress(explorer.picture),
    picture_alt: page.pictureAlt,
    palette: explorer.palette,
    view: explorer.keptView,
  };
  const parts = {
    title: page.title.replace(/[<>&"]/g, " "),
    style,
    script,
    trace: await asBase64(await new Response(zipped).blob()),
    data: JSON.stringify(data).replace(/</g, "\\u003c"),
  };
  const html = template.replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
  download(fileName(explorer, page, "html"), html, "text/html");
}

export async function copyLink(explorer) {
  const address = viewAddress(
    window.location.href,
    explorer.keptView,
    explorer.layer,
    explorer.codec,
  );
  try {
    await navigator.clipboard.writeText(address);
    explorer.tell("notice", { text: "The link to this view is in the clipboard." });
  } catch {
    explorer.tell("notice", { text: `Copy this link: ${address}`, lasting: true });
  }
}
