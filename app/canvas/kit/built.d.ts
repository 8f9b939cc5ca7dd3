/** The English words of a script, where `build.js` puts them in. */
declare const WORDS: Record<string, string> | undefined;

/** Style, palette, and words by language of the element, where `build.js` puts them in. */
declare const ELEMENT: {
  style: string;
  palette: unknown;
  words: Record<string, Record<string, string>>;
};
