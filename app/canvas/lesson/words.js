// What the player says, from the catalogue it is handed; places are written {name}.

/**
 * @param {Record<string, string>} words
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function say(words, key, values = {}) {
  const text = words[key];
  if (text === undefined) throw new Error(`The catalogue has no word ${key}.`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}
