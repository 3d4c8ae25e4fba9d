// What the file tools take and answer at most. `definitions.ts` tells the model, `docs/methods.md` the reader.

/** Largest file that is read, searched, edited or written. */
export const maxFileBytes = 10 * 1024 * 1024;
/** Characters of a file or a search in one answer. */
export const maxAnswerChars = 256 * 1024;
export const maxReadLines = 2_000;
/** Characters of a line in an answer; the rest of a longer one is left out. */
export const maxLineChars = 2_000;
export const maxMatchChars = 500;
/** Characters of a line that are searched. */
export const maxSearchedLineChars = 20_000;
export const maxContextLines = 10;
export const maxListed = 5_000;
export const maxFound = 5_000;
export const maxMatches = 1_000;
/** Names read from one folder, and entries visited in one search. */
export const maxFolderEntries = 100_000;
export const maxVisited = 500_000;
export const maxDepth = 64;
export const maxPatternChars = 1_000;
export const maxGlobChars = 500;
/** Instructions of a compiled expression; the time for a character grows with them. */
export const maxPatternSize = 5_000;
/** Time for a search; what was found by then is the answer. */
export const searchLimitMs = 10_000;
