// `memory.export` and `memory.import`: what a memory holds, as text; in slices, so that others are answered meanwhile.
import {
  ingestRow,
  isRow,
  MemoryError,
  parseMarkdown,
  parseRow,
  toMarkdown,
  toRow,
  type FlatRow,
  type MemoryEngine,
} from '@car-runtime/memory';
import { fail } from '@car-runtime/protocol';
import { Pacer } from '../../infra/pacer.ts';
import { onMemory } from './errors.ts';

export type Format = 'jsonl' | 'markdown';

export interface ExportPage {
  tenant: string;
  /** The node to begin with. */
  from: number;
}

/** Of one answer, which has to fit into a frame however much of it has to be escaped there. */
const maxTextChars = 4 * 1024 * 1024;

/** Rows from a node on, as many as fit, and where the next page begins. */
export async function exportRows(
  { graph }: MemoryEngine,
  format: Format,
  { tenant, from }: ExportPage,
): Promise<{ text: string; rows: number; next?: number }> {
  const pacer = new Pacer();
  let text = format === 'markdown' && from === 0 ? toMarkdown([]) : '';
  let rows = 0;
  // Those that hold at the moment of the call.
  const nodes = [...graph.nodes()].filter((node) => node.index >= from && node.tenant === tenant && isRow(node));
  for (const node of nodes) {
    const row = toRow(node);
    const piece = format === 'markdown' ? toMarkdown([row], '') : `${JSON.stringify(row)}\n`;
    if (rows > 0 && text.length + piece.length > maxTextChars) return { text, rows, next: node.index };
    text += piece;
    rows++;
    if (pacer.isDue) await pacer.pause();
  }
  return { text, rows };
}

/** Adds rows that are not there yet; everything is parsed before anything is added. */
export async function importRows(
  engine: MemoryEngine,
  format: Format,
  text: string,
  tenant: string,
): Promise<{ imported: number; skipped: number }> {
  const rows: FlatRow[] = [];
  const pacer = new Pacer();
  try {
    for (const value of format === 'markdown' ? parseMarkdown(text) : parseLines(text)) {
      const row = parseRow(value, rows.length);
      engine.check([{ key: row.subject, value: row.body, isConstraint: row.kind === 'constraint' }]);
      rows.push(row);
      if (pacer.isDue) await pacer.pause();
    }
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    throw fail('invalid_params', `Cannot import this memory: ${error.message}`, {
      data: { reason: error.reason, field: 'text' },
      cause: error,
    });
  }
  let skipped = 0;
  for (const row of rows) {
    if (!onMemory(() => add(engine, row, tenant))) skipped++;
    if (pacer.isDue) await pacer.pause();
  }
  return { imported: rows.length - skipped, skipped };
}

/** Whether it was not there yet. A tenant imports into what is its own, whatever the row says. */
function add(engine: MemoryEngine, row: FlatRow, tenant: string): boolean {
  const known = row.fact_id === undefined ? undefined : engine.graph.byId(row.fact_id, tenant);
  if (known?.key === row.subject && known.value === row.body) return false;
  ingestRow(engine, { ...row, tenant_id: tenant });
  return true;
}

/** A byte order mark and lines without anything on them say nothing. */
function* parseLines(text: string): Generator {
  let number = 0;
  for (let start = text.startsWith('\ufeff') ? 1 : 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end);
    start = end + 1;
    number++;
    if (line.trim() === '') continue;
    try {
      yield JSON.parse(line);
    } catch (error) {
      throw new MemoryError('unreadable', `line ${number} is not JSON: ${(error as Error).message}`);
    }
  }
}
