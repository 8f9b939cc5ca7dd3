// What was worked out beforehand and lies in the site, zipped.
import { unzipped } from "../kit/packed.js";
import { say } from "../kit/words.js";
import { at } from "./canvas.js";

export async function readKept(address) {
  const answer = await fetch(at(address));
  if (!answer.ok) throw new Error(say("site.missing", { status: answer.status }));
  return JSON.parse(await new Response(await unzipped(await answer.arrayBuffer())).text());
}
