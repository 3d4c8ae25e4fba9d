// find_files and grep_files. Patterns of strangers run on RE2, which needs time in proportion to the text whatever the
// pattern says.
import { RE2JS } from 're2js';
import type { RootedFiles } from '../../../infra/rooted-files.ts';
import { PathProblem } from '../../../infra/rooted-path.ts';
import type { Budget } from './budget.ts';
import { compileGlob, type PathMatcher } from './glob.ts';
import {
  maxAnswerChars,
  maxContextLines,
  maxFileBytes,
  maxFound,
  maxMatchChars,
  maxMatches,
  maxPatternChars,
  maxPatternSize,
  maxSearchedLineChars,
} from './limits.ts';
import { cut, decodeForReading, isBinary, linesOf } from './text.ts';
import { Walk, type Truncation, type WalkedFile } from './walk.ts';

const excludedByDefault = ['.git'];
/** Characters searched between two looks at the clock. */
const charsPerLook = 16 * 1024;
/** Characters shown before the match in a line too long to be shown. */
const charsBeforeMatch = 80;

export interface FindParameters {
  pattern: string;
  path?: string;
  exclude?: string[];
  limit?: number;
}

export function findFiles(files: RootedFiles, parameters: FindParameters, budget: Budget): object {
  const { pattern, path = '.', exclude = excludedByDefault, limit = 200 } = parameters;
  const isMeant = compileGlob(pattern);
  using folder = files.openFolder(path);
  const walk = new Walk(exclude, budget);
  const found: string[] = [];
  for (const file of walk.filesBelow(folder)) {
    if (!isMeant(file.path)) continue;
    if (found.length >= Math.min(limit, maxFound)) {
      walk.truncated = 'limit';
      break;
    }
    found.push(beneath(folder.path, file.path));
  }
  return { files: found, ...whatIsMissing(walk) };
}

export interface GrepParameters {
  pattern: string;
  path?: string;
  glob?: string;
  ignore_case?: boolean;
  context?: number;
  exclude?: string[];
  limit?: number;
}

interface Match {
  path: string;
  line: number;
  text: string;
  before?: string[];
  after?: string[];
}

export function grepFiles(files: RootedFiles, parameters: GrepParameters, budget: Budget): object {
  const { path = '.', glob, exclude = excludedByDefault } = parameters;
  const search = new Search(parameters, budget);
  const isMeant: PathMatcher = glob === undefined ? () => true : compileGlob(glob);
  using place = files.locate(path);
  const walk = new Walk(exclude, budget);
  if (place.name !== '' && place.info && !place.info.isDirectory()) {
    const { folder, name } = place;
    const at = folder.path === '.' ? '' : `${folder.path}/`;
    search.searchFile({ path: name, folder, entry: { name, kind: 'file' } }, `${at}${name}`);
  } else {
    using folder = files.openFolder(path);
    for (const file of walk.filesBelow(folder)) {
      if (file.entry.kind === 'file' && isMeant(file.path)) search.searchFile(file, beneath(folder.path, file.path));
      if (search.truncated) break;
    }
  }
  walk.truncated ??= search.truncated;
  const { matches, searched, skipped } = search;
  return {
    matches,
    files_searched: searched,
    ...(skipped > 0 && { files_skipped: skipped }),
    ...whatIsMissing(walk),
  };
}

class Search {
  readonly matches: Match[] = [];
  searched = 0;
  /** Binary, too large, or not readable. */
  skipped = 0;
  truncated: Truncation | undefined;
  readonly #expression: RE2JS;
  readonly #context: number;
  readonly #limit: number;
  readonly #budget: Budget;
  #answerChars = 0;
  #charsSinceLook = 0;

  constructor({ pattern, ignore_case = false, context = 0, limit = 100 }: GrepParameters, budget: Budget) {
    this.#expression = compileExpression(pattern, ignore_case);
    this.#context = Math.min(context, maxContextLines);
    this.#limit = Math.min(limit, maxMatches);
    this.#budget = budget;
  }

  searchFile({ folder, entry }: WalkedFile, path: string): void {
    let text: string;
    try {
      const bytes = folder.readFile(entry.name, maxFileBytes);
      if (isBinary(bytes)) throw new PathProblem('it is binary');
      ({ text } = decodeForReading(bytes));
    } catch (error) {
      if (!(error instanceof PathProblem)) throw error;
      this.skipped++;
      return;
    }
    this.searched++;
    this.#searchText(path, text);
  }

  #searchText(path: string, text: string): void {
    const before: string[] = [];
    /** Matches whose lines behind them are still to come. */
    let open: Match[] = [];
    let number = 0;
    for (const line of linesOf(text)) {
      number++;
      for (const match of open) (match.after ??= []).push(this.#shown(line));
      if (open.length > 0) open = open.filter(({ after }) => (after?.length ?? 0) < this.#context);
      if (!this.truncated && this.#isMatch(line)) {
        const match = this.#add(path, number, line, before);
        if (match && this.#context > 0) open.push(match);
      }
      if (this.truncated && open.length === 0) return;
      if (this.#context === 0) continue;
      before.push(line);
      if (before.length > this.#context) before.shift();
    }
  }

  #isMatch(line: string): boolean {
    this.#charsSinceLook += line.length + 1;
    if (this.#charsSinceLook > charsPerLook) {
      this.#charsSinceLook = 0;
      if (this.#budget.isSpent) this.truncated = 'time';
    }
    return this.#expression.test(line.length > maxSearchedLineChars ? line.slice(0, maxSearchedLineChars) : line);
  }

  #add(path: string, line: number, text: string, before: readonly string[]): Match | undefined {
    if (this.matches.length >= this.#limit) this.truncated = 'limit';
    else if (this.#answerChars > maxAnswerChars) this.truncated = 'size';
    if (this.truncated) return undefined;
    const match: Match = { path, line, text: this.#shown(this.#aroundMatch(text)) };
    if (before.length > 0) match.before = before.map((each) => this.#shown(each));
    this.#answerChars += path.length;
    this.matches.push(match);
    return match;
  }

  /** Of a line too long to be shown, the part that was looked for. */
  #aroundMatch(line: string): string {
    if (line.length <= maxMatchChars) return line;
    this.#charsSinceLook += charsPerLook;
    const matcher = this.#expression.matcher(line.slice(0, maxSearchedLineChars));
    const start = matcher.find() ? matcher.start() - charsBeforeMatch : 0;
    return start <= 0 ? line : `…${line.slice(start).toWellFormed()}`;
  }

  #shown(line: string): string {
    const shown = cut(line, maxMatchChars);
    this.#answerChars += shown.length;
    return shown;
  }
}

function compileExpression(pattern: string, ignoresCase: boolean): RE2JS {
  if (pattern.length > maxPatternChars)
    throw new PathProblem(`the pattern is longer than ${maxPatternChars} characters`);
  let expression: RE2JS;
  try {
    expression = RE2JS.compile(pattern, ignoresCase ? RE2JS.CASE_INSENSITIVE : 0);
  } catch (error) {
    throw new PathProblem(`the pattern is not a valid RE2 expression (${(error as Error).message})`, { cause: error });
  }
  const size = expression.programSize();
  if (size > maxPatternSize)
    throw new PathProblem(`the pattern repeats too much (${size} steps, at most ${maxPatternSize} are taken)`);
  return expression;
}

function beneath(folder: string, path: string): string {
  return folder === '.' ? path : `${folder}/${path}`;
}

function whatIsMissing({ truncated, unreadable }: Walk): object {
  return {
    ...(truncated !== undefined && { truncated }),
    ...(unreadable > 0 && { folders_skipped: unreadable }),
  };
}
