// A memory as Markdown that people read and write, and that becomes the same rows again.
import { MemoryError } from './errors.ts';
import type { FlatRow } from './flat-rows.ts';

const commentStart = '<!-- ';
const commentEnd = ' -->';

/** A heading for each row's subject, a comment with its other fields, and its body as a quotation, behind a title. */
export function toMarkdown(rows: Iterable<FlatRow>, title = '# Memory\n'): string {
  let text = title;
  for (const { subject, body, ...rest } of rows) {
    // `--` ends a comment, so it stands there as an escape of JSON.
    const fields = JSON.stringify(isOneLine(subject) ? rest : { ...rest, subject }).replaceAll(
      '--',
      String.raw`-\u002d`,
    );
    const heading = subject.replaceAll(/\s+/g, ' ').trim();
    const quoted = body.split('\n').map((line) => (line === '' ? '>' : `> ${line}`));
    text += `\n## ${heading === '' ? '(no subject)' : heading}\n\n${commentStart}${fields}${commentEnd}\n\n${quoted.join('\n')}\n`;
  }
  return text;
}

function isOneLine(subject: string): boolean {
  return subject !== '' && subject === subject.replaceAll(/\s+/g, ' ').trim();
}

/** Rows one after the other; what is wrong is thrown when it is reached. */
export function* parseMarkdown(text: string): Generator {
  let row: { subject: string; fields: Partial<FlatRow>; body: string[] } | undefined;
  const finished = (): object[] =>
    row ? [{ kind: 'pattern', subject: row.subject, ...row.fields, body: row.body.join('\n') }] : [];
  let number = 0;
  for (let start = 0; start <= text.length;) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end > start && text[end - 1] === '\r' ? end - 1 : end);
    start = end + 1;
    number++;
    if (line.startsWith('## ')) {
      yield* finished();
      row = { subject: line.slice(3).trim(), fields: {}, body: [] };
    } else if (row && line.startsWith(commentStart) && line.endsWith(commentEnd)) {
      row.fields = parseFields(line.slice(commentStart.length, -commentEnd.length), number);
    } else if (row && line.startsWith('>')) row.body.push(line.startsWith('> ') ? line.slice(2) : line.slice(1));
  }
  yield* finished();
}

function parseFields(json: string, line: number): Partial<FlatRow> {
  try {
    return JSON.parse(json) as Partial<FlatRow>;
  } catch (error) {
    throw new MemoryError('unreadable', `line ${line}: its comment is not JSON: ${(error as Error).message}`);
  }
}
