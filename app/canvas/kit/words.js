// Sentences by key: those of the page's language, as deformviz/words keeps them. Python hands a canvas
// its part of the catalogue; what draws without a browser is built with the English one.

/** @type {Record<string, string>} */
let words = typeof WORDS === "undefined" ? {} : WORDS;

/** Take sentences to say from now on. */
export function learn(given) {
  words = { ...words, ...given };
}

/** The sentences known, to hand on. */
export const known = () => words;

/** The sentence of a key with values in its places, which are written {name}; as Python says it. */
export function say(key, values = {}) {
  const sentence = words[key] ?? key;
  return sentence.replace(/\{([a-z_]+)\}/g, (place, name) => String(values[name] ?? place));
}

/** A sign of a picture for the help: the keys of its name, and of what it means. */
export const signOf = (key) => ({ sign: key, means: `${key}.means` });
