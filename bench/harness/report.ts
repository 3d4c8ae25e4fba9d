// What a benchmark says: rows with a goal, printed as a table and kept as JSON.

export interface Row {
  benchmark: string;
  /** What `value` is, where it is not a ratio to the baseline. */
  unit?: 'ms' | 'kB' | 'us' | '/s' | '%';
  value: number;
  /** Nothing is promised without one. */
  goal?: { atLeast: number } | { atMost: number };
  /** What stands behind the value, for a reader. */
  detail: string;
  /** The same for a program. */
  measured: object;
}

export interface Options {
  rounds: number;
  /** Time of one measurement under load. */
  durationMs: number;
  /** Time for the optimising compiler before the first, which has to share the core of the server. */
  warmUpMs: number;
  /** Only to see that it runs; what it says means nothing. */
  isShort: boolean;
  /** Folder for CPU profiles of our server. */
  profileFolder: string | undefined;
}

export function isMet({ value, goal }: Row): boolean | undefined {
  if (goal === undefined) return undefined;
  return 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost;
}

export function toTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.benchmark,
    goalText(row),
    withUnit(row, row.unit === '/s' ? Math.round(row.value) : row.value.toFixed(2)),
    verdict(row),
    row.detail,
  ]);
  const table = [['benchmark', 'goal', 'ratio', 'verdict', 'detail'], ...cells];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((line) => (line[column] as string).length)));
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function goalText(row: Row): string {
  const { goal } = row;
  if (goal === undefined) return '-';
  return 'atLeast' in goal ? `>= ${withUnit(row, goal.atLeast)}` : `<= ${withUnit(row, goal.atMost)}`;
}

function withUnit({ unit }: Row, text: number | string): string {
  return unit === undefined ? String(text) : `${text} ${unit}`;
}

function verdict(row: Row): string {
  const met = isMet(row);
  return met === undefined ? '-' : met ? 'met' : 'missed';
}
