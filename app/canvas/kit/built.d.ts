/** The English words of a script, where `build.js` puts them in. */
declare const WORDS: Record<string, string> | undefined;
