// Taking the picture along: PNG, SVG, one offline page, a link. All made in the browser.
import { button, download, element } from "./elements.js";
import { figureMarks } from "./figure.js";
import { paintOnCanvas } from "./paint.js";
import { paintAsSvg } from "./paint_svg.js";
import { viewAddress } from "./view.js";
import { known, say } from "./words.js";

const PNG_SCALE = 2;
const PIECE = 32768; // letters handed to one call

/** A name for a file about the shown query. */
export function fileName(explorer, facts, ending) {
  const words = [
    facts.title || "deformviz",
    explorer.layer.header.layer,
    `query ${explorer.query}`,
  ];
  return `${words
    .join(" ")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")}.${ending}`;
}

const figureOf = (explorer, facts) => figureMarks(explorer.stage.drawing, explorer.state(), facts);

export async function exportPng(explorer, facts) {
  const { marks, width, height } = figureOf(explorer, facts);
  const canvas = element("canvas", {
    width: Math.round(width * PNG_SCALE),
    height: Math.round(height * PNG_SCALE),
  });
  const context = canvas.getContext("2d");
  context.scale(PNG_SCALE, PNG_SCALE);
  paintOnCanvas(context, marks);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  download(fileName(explorer, facts, "png"), blob);
}

export function exportSvg(explorer, facts) {
  const { marks, width, height, title } = figureOf(explorer, facts);
  const text = paintAsSvg(marks, width, height, title);
  download(fileName(explorer, facts, "svg"), text, "image/svg+xml");
}

async function asBase64(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += PIECE)
    text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return btoa(text);
}

function pictureAddress(picture) {
  const canvas = element("canvas", { width: picture.naturalWidth, height: picture.naturalHeight });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas.toDataURL("image/jpeg", 0.92);
}

async function fetchText(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  return response.text();
}

/** One page that needs no server: script, style, trace and picture inside; see offline.html. */
export async function exportHtml(explorer, facts) {
  const { source } = facts;
  const [template, script, style] = await Promise.all(
    [source.template, source.script, source.style].map(fetchText),
  );
  const zipped = new Blob([explorer.layer.buffer])
    .stream()
    .pipeThrough(new CompressionStream("gzip"));
  const data = {
    title: facts.title,
    note: facts.note,
    picture_url: explorer.picture ? pictureAddress(explorer.picture) : "",
    picture_alt: facts.pictureAlt,
    palette: explorer.palette,
    view: explorer.keptView,
    words: known(),
  };
  const parts = {
    title: facts.title.replace(/[<>&"]/g, " "),
    style,
    script,
    trace: await asBase64(await new Response(zipped).blob()),
    data: JSON.stringify(data).replace(/</g, "\\u003c"),
  };
  const html = template.replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
  download(fileName(explorer, facts, "html"), html, "text/html");
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
    explorer.tell("notice", { text: say("canvas.kit.link.copied") });
  } catch {
    explorer.tell("notice", { text: say("canvas.kit.link.by_hand", { address }), lasting: true });
  }
}

/** The files every picture offers: [name, function]. */
export function pictureFiles(explorer, facts) {
  return [
    [say("canvas.kit.export.png"), () => exportPng(explorer, facts)],
    [say("canvas.kit.export.svg"), () => exportSvg(explorer, facts)],
  ];
}

/** The page that needs no server, where the surroundings can make one. */
export function offlineFile(explorer, facts) {
  return facts.source ? [[say("canvas.kit.export.html"), () => exportHtml(explorer, facts)]] : [];
}

/** A menu of [name, function]; `complain` hears what went wrong. */
export function fileMenu(entries, complain) {
  const take = async (run) => {
    menu.open = false;
    try {
      await run();
    } catch (error) {
      complain(say("canvas.kit.export.failed", { problem: error.message }));
    }
  };
  const menu = element(
    "details",
    { class: "dv-menu" },
    element("summary", { class: "dv-button" }, say("canvas.kit.export")),
    element(
      "div",
      { class: "dv-menu-list" },
      ...entries.map(([name, run]) =>
        element("button", { type: "button", onclick: () => take(run) }, name),
      ),
    ),
  );
  menu.addEventListener("focusout", (event) => {
    if (!menu.contains(/** @type {Node} */ (event.relatedTarget))) menu.open = false;
  });
  return menu;
}

/** The end of every toolbar: files, the link, help. `tables` are what there is as numbers. */
export function takeAlong(explorer, facts, ...tables) {
  const entries = [...pictureFiles(explorer, facts), ...tables, ...offlineFile(explorer, facts)];
  const complain = (text) => explorer.tell("notice", { text, lasting: true });
  return element(
    "div",
    { class: "dv-group dv-group-end" },
    fileMenu(entries, complain),
    ...linkAndHelp(explorer, facts),
  );
}

export function linkAndHelp(explorer, facts) {
  const link = button(say("canvas.kit.link"), say("canvas.kit.link.title"), () =>
    copyLink(explorer),
  );
  const help = button("?", say("canvas.kit.help.open"), () => explorer.tell("help"), {
    "aria-label": say("canvas.kit.help"),
  });
  return facts.link ? [link, help] : [help];
}

/** The tools of a picture that has few: files, link and help, after `first`. */
export function plainTools(explorer, facts, ...first) {
  const group = { class: "dv-toolbar", role: "group", "aria-label": say("canvas.kit.controls") };
  return element("div", group, ...first, takeAlong(explorer, facts));
}
