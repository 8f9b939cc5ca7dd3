// What was worked out beforehand and lies in the site, zipped.
import { unzipped, whole } from "../kit/packed.js";
import { say } from "../kit/words.js";
import { at } from "./canvas.js";

export function readKept(address) {
  async function read() {
    const answer = await fetch(at(address));
    if (!answer.ok) throw new Error(say("site.missing", { status: answer.status }));
    return JSON.parse(await new Response(await unzipped(await answer.arrayBuffer())).text());
  }
  return whole(read, () => say("site.broken"));
}
