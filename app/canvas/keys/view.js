// Two queries of one picture, as in Figure 1 of the DAT paper: one that moves, and one left behind.
import { ONE_QUERY_VIEW, wholeNumber } from "../kit/view.js";

/** @type {import("../kit/view.js").ViewCodec} */
export const KEYS_VIEW = {
  parameters: { ...ONE_QUERY_VIEW.parameters, other: "other" },
  usual: (layer) => ({ ...ONE_QUERY_VIEW.usual(layer), other: null }),
  readers: (layer) => ({
    ...ONE_QUERY_VIEW.readers(layer),
    other: wholeNumber(layer.header.queries, "other"),
  }),
};
