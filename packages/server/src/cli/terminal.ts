// Everything the command line writes: data on standard output, talk on standard error, and nothing on a terminal that a
// terminal would obey, whoever it comes from.
import { styleText } from 'node:util';
import { oneLine } from '../log/safe-line.ts';

type Style = Parameters<typeof styleText>[0];
type Stream = typeof process.stdout | typeof process.stderr;

/** Characters JSON leaves as they are and a terminal would not: delete, C1 controls, zero-width and bidirectional marks. */
const unsafeInJson = /[\u007F-\u009F\u00AD\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/g;

/** The reader has gone (`car logs | head`): there is nobody left to write for, and that is no failure. */
export function endQuietlyWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(process.exitCode ?? 0);
    });
  }
}

/** Writes one line of data. */
export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes one line for people. */
export function talk(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Colour where the stream shows it: on a terminal, unless NO_COLOR is set, or anywhere with FORCE_COLOR. */
export function paint(style: Style, text: string, stream: Stream = process.stdout): string {
  return styleText(style, text, { stream });
}

/** Text from elsewhere, fit for one line on a terminal. */
export function shown(value: unknown): string {
  return oneLine(typeof value === 'string' ? value : String(value));
}

/** A value as JSON: for people on a terminal, on one line for programs. */
export function printJson(value: unknown, options: { isRaw?: boolean | undefined } = {}): void {
  const isPretty = process.stdout.isTTY && !options.isRaw;
  printLine(isPretty ? prettyJson(value) : JSON.stringify(value));
}

/** One token of indented JSON: a string (with the colon that makes it a key), a number, or a word. */
const jsonToken = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Indented and coloured JSON that is still valid JSON without the colours. */
function prettyJson(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2).replaceAll(unsafeInJson, toEscape);
  return text.replaceAll(
    jsonToken,
    (token, string: string | undefined, colon: string | undefined, word: string | undefined) => {
      if (string !== undefined)
        return colon === undefined ? paint('green', string) : `${paint('cyan', string)}${colon}`;
      return paint(word === undefined ? 'yellow' : 'magenta', token);
    },
  );
}

function toEscape(character: string): string {
  return String.raw`\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

export interface Column<Row> {
  title: string;
  text(row: Row): string;
  style?: Style | ((row: Row) => Style);
}

/** Prints rows in columns. On a terminal the last column is cut to what fits; elsewhere columns are parted by tabs. */
export function printTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void {
  if (!process.stdout.isTTY) {
    for (const row of rows) printLine(columns.map(({ text }) => shown(text(row)).replaceAll('\t', ' ')).join('\t'));
    return;
  }
  const cells = rows.map((row) => columns.map(({ text }) => shown(text(row))));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  const last = columns.length - 1;
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + 2, 0);
  widths[last] = Math.max(8, (process.stdout.columns || 80) - before);
  const line = (texts: string[], styleOf: (index: number) => Style | undefined): string =>
    texts
      .map((text, index) => {
        const width = widths[index] ?? 0;
        const cut = text.length > width ? `${text.slice(0, width - 1)}…` : text;
        const style = styleOf(index);
        const padding = index === last ? '' : ' '.repeat(width - cut.length);
        return (style === undefined ? cut : paint(style, cut)) + padding;
      })
      .join('  ')
      .trimEnd();
  printLine(
    line(
      columns.map(({ title }) => title),
      () => 'dim',
    ),
  );
  for (const [number, texts] of cells.entries()) {
    const row = rows[number] as Row;
    printLine(
      line(texts, (index) => {
        const style = columns[index]?.style;
        return typeof style === 'function' ? style(row) : style;
      }),
    );
  }
}

/** `1.2 GiB` */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** `3d 4h`, `5m 2s`: the two largest units. */
export function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return '0s';
  return parts
    .slice(first, first + 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}
