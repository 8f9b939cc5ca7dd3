// The replay as files: an animation recorded from a canvas, the points of a query, the curves.
import { download } from "../kit/elements.js";
import { surfaceMarks } from "../kit/marks.js";
import { paintOnCanvas } from "../kit/paint.js";
import { say } from "../kit/words.js";

const FRAME_MS = 40;
const SNAPSHOT_FRAMES = 18;
const PICTURE_WIDTH = 420;
const CAPTION = 26;
const ORDER = ["first", "now", "last"];
const VIDEO_TYPES = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];

/** Start, now and end of the first run, once through the whole training. */
export async function exportVideo(replayer, theatre, tell) {
  const type = VIDEO_TYPES.find((each) => window.MediaRecorder?.isTypeSupported(each));
  if (!type) throw new Error(say("canvas.replay.video.impossible"));
  replayer.pause();
  const before = replayer.at;
  const canvas = document.createElement("canvas");
  const height = Math.round(PICTURE_WIDTH / aspectOf(theatre));
  [canvas.width, canvas.height] = [3 * PICTURE_WIDTH, height + CAPTION];
  const recorder = new MediaRecorder(canvas.captureStream(), {
    mimeType: type,
    videoBitsPerSecond: 5e6,
  });
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const stopped = new Promise((resolve) => {
    recorder.onstop = resolve;
  });
  recorder.start();
  for (let at = 0; at < replayer.run.iterations.length; at++) {
    tell(
      say("canvas.replay.video.progress", { at: at + 1, count: replayer.run.iterations.length }),
    );
    replayer.seek(at);
    await Promise.all([...replayer.run.waiting.values()]);
    const steps = at + 1 < replayer.run.iterations.length ? SNAPSHOT_FRAMES : 2 * SNAPSHOT_FRAMES;
    for (let step = 0; step < steps; step++) {
      replayer.share = at + 1 < replayer.run.iterations.length ? step / steps : 0;
      paintFrame(canvas, replayer, theatre, height);
      await new Promise((resolve) => {
        setTimeout(resolve, FRAME_MS);
      });
    }
  }
  recorder.stop();
  await stopped;
  replayer.seek(before);
  download(`${replayer.run.manifest.name}-training.webm`, new Blob(parts, { type }), type);
  tell(say("canvas.replay.video.done"));
}

function aspectOf(theatre) {
  const { width, height } = theatre.stageOf(0, "now").root.getBoundingClientRect();
  return width / height;
}

function paintFrame(canvas, replayer, theatre, height) {
  const context = canvas.getContext("2d");
  context.fillStyle = "#12141b";
  context.fillRect(0, 0, canvas.width, canvas.height);
  ORDER.forEach((when, index) => {
    const state = replayer.pictureState(replayer.run, when);
    if (!state) return;
    const { drawing } = replayer.kind;
    const scene = drawing.compose(state, PICTURE_WIDTH, height);
    context.save();
    context.translate(index * PICTURE_WIDTH, CAPTION);
    context.beginPath();
    context.rect(0, 0, PICTURE_WIDTH, height);
    context.clip();
    for (const surface of Object.keys(drawing.surfaces))
      paintOnCanvas(context, surfaceMarks(drawing, scene, surface));
    context.restore();
    context.fillStyle = "#eceef4";
    context.font = "14px system-ui, sans-serif";
    context.fillText(theatre.caption(replayer.run, when), index * PICTURE_WIDTH + 8, 18);
  });
}

/** Every sample of the query on show at every snapshot that has been loaded. */
export async function exportPoints(replayer) {
  const { run, layerName } = replayer;
  const { csv } = replayer.kind;
  const rows = [`iteration,${csv.head}`];
  for (let index = 0; index < run.iterations.length; index++) {
    const iteration = run.iterations[index];
    run.layer(iteration, layerName);
    await run.waiting.get(`${iteration}/${layerName}`);
    const layer = run.layer(iteration, layerName);
    if (!layer) throw new Error(say("canvas.replay.snapshot.missing", { iteration }));
    const query = replayer.queryAt(run, index, layer);
    const view = replayer.kind.fit(replayer.view, layer);
    rows.push(...csv.rows(layer, query, view).map((row) => `${iteration},${row}`));
  }
  download(`${run.manifest.name}-${layerName}-points.csv`, `${rows.join("\n")}\n`, "text/csv");
}

export function exportCurves(replayer) {
  const { name, title, curves, loss, iterations } = replayer.run.manifest;
  const content = JSON.stringify(
    { title, iterations, loss: { iterations: loss[0], values: loss[1] }, curves },
    null,
    1,
  );
  download(`${name}-curves.json`, content, "application/json");
}
