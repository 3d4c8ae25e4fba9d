// `memory.export` and `memory.import`: what a memory holds, as text.
import {
  ingestRow,
  MemoryError,
  parseMarkdown,
  parseRows,
  toMarkdown,
  toRows,
  type FlatRow,
  type MemoryEngine,
} from '@car-runtime/memory';
import { fail } from '@car-runtime/protocol';

export type Format = 'jsonl' | 'markdown';

/** A result has to fit into a frame. */
const maxTextChars = 8 * 1024 * 1024;

export function exportRows(engine: MemoryEngine, format: Format, tenant: string): { text: string; rows: number } {
  const rows = [...toRows(engine)].filter(({ tenant_id = '' }) => tenant_id === tenant);
  const text = format === 'markdown' ? toMarkdown(rows) : rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  if (text.length <= maxTextChars) return { text, rows: rows.length };
  throw fail(
    'failed',
    `Cannot export this memory in one answer: it takes ${text.length} characters, at most ${maxTextChars} fit. memory.persist writes it to a file`,
    { data: { reason: 'too_large' } },
  );
}

/** Adds rows that are not there yet; everything is parsed before anything is added. */
export function importRows(
  engine: MemoryEngine,
  format: Format,
  text: string,
  tenant: string,
): { imported: number; skipped: number } {
  let rows: FlatRow[];
  try {
    rows = parseRows(format === 'markdown' ? JSON.stringify(parseMarkdown(text)) : toArray(text));
    engine.check(
      rows.map(({ subject, body, kind }) => ({ key: subject, value: body, isConstraint: kind === 'constraint' })),
    );
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    throw fail('invalid_params', `Cannot import this memory: ${error.message}`, {
      data: { reason: error.reason, field: 'text' },
      cause: error,
    });
  }
  let skipped = 0;
  for (const row of rows) {
    const known = row.fact_id === undefined ? undefined : engine.graph.byId(row.fact_id, tenant);
    if (known?.key === row.subject && known.value === row.body) {
      skipped++;
      continue;
    }
    // A tenant imports into what is its own, whatever the rows say.
    const { tenant_id: _, ...own } = row;
    ingestRow(engine, { ...own, ...(tenant !== '' && { tenant_id: tenant }) });
  }
  return { imported: rows.length - skipped, skipped };
}

/** A byte order mark and lines without anything on them say nothing. */
function toArray(text: string): string {
  const lines = text
    .replace(/^\ufeff/, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  for (const [nth, line] of lines.entries()) {
    try {
      JSON.parse(line);
    } catch (error) {
      throw new MemoryError('unreadable', `line ${nth + 1} is not JSON: ${(error as Error).message}`);
    }
  }
  return `[${lines.join(',')}]`;
}
