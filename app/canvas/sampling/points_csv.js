// The shown query's points as a file, every visible column with all its digits.
import { download } from "../kit/elements.js";
import { fileName } from "../kit/export.js";
import { COLUMNS, sampleFacts } from "./sample_facts.js";

export function pointsAsCsv({ layer, view, query }) {
  const rows = layer.strongest(query, view).map((sample) => {
    const facts = sampleFacts(layer, sample);
    return [query, ...COLUMNS.map(({ value }) => value(facts))].join(",");
  });
  return [["query", ...COLUMNS.map(({ name }) => name)].join(","), ...rows, ""].join("\n");
}

export function exportCsv(explorer) {
  download(fileName(explorer, {}, "csv"), pointsAsCsv(explorer), "text/csv");
}
