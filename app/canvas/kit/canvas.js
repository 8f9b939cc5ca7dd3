// What one kind of picture is: one record, in <kind>/canvas.js. The kit gets it and knows no other.

/**
 * @typedef {object} Canvas
 * @property {string} name
 * @property {string} description what a screen reader calls the stage
 * @property {(buffer: ArrayBuffer) => any} decode a layer from bytes that are not zipped
 * @property {import("./view.js").ViewCodec} view
 * @property {import("./marks.js").Drawing} drawing
 * @property {(state: any) => any} [derive] what a state lacks until somebody computes it
 * @property {(layer: any, query: number) => string} queryName a query in words
 * @property {(scene: any) => string} words what is on show, in one line
 */

export {};
