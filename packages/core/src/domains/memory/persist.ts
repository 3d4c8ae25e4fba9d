// `memory.persist` and `memory.load`, in slices and with the files in another thread: others are answered meanwhile.
import { ingestRow, isRow, MemoryError, toRow, type FlatRow, type MemoryEngine } from '@car-runtime/memory';
import { fail } from '@car-runtime/protocol';
import { JobError, type JobWorker } from '../../infra/job-worker.ts';
import { Pacer } from '../../infra/pacer.ts';
import type { FileJob, FileOutcome } from './files.ts';
import type { KeptMemory } from './kept-memory.ts';
import { parseRowsInSlices } from './store/row-array.ts';

const chunkChars = 1 << 18;

export interface FileAccess {
  readonly root: string;
  readonly files: JobWorker;
}

/** Number of rows: what holds at the moment of the call, whatever changes while it is written. */
export async function persistMemory(access: FileAccess, { engine }: KeptMemory, path: string): Promise<number> {
  const nodes = [...engine.graph.nodes()].filter(isRow);
  const pieces: Uint8Array[] = [];
  const pacer = new Pacer();
  let text = '[\n';
  for (const [nth, node] of nodes.entries()) {
    text += `${JSON.stringify(toRow(node))}${nth < nodes.length - 1 ? ',' : ''}\n`;
    if (text.length > chunkChars) {
      pieces.push(Buffer.from(text));
      text = '';
    }
    if (pacer.isDue) await pacer.pause();
  }
  pieces.push(Buffer.from(`${text}]\n`));
  const { root } = access;
  await runJob(access, 'persist', { operation: 'write', root, path, pieces });
  return nodes.length;
}

/** Replaces a memory by what is in a file, at once and after all of it was read, parsed, and written down. */
export async function loadMemoryFrom(access: FileAccess, memory: KeptMemory, path: string): Promise<number> {
  const { root } = access;
  const bytes = await runJob(access, 'load', { operation: 'read', root, path });
  let rows: FlatRow[];
  try {
    rows = await parseRowsInSlices(Buffer.from(bytes ?? new SharedArrayBuffer(0)));
    await memory.replace(async (fresh) => await fill(fresh, rows));
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    const data = { reason: error.reason, ...(error.field !== undefined && { field: error.field }) };
    // The file was read; what failed was writing down what it says.
    const isRead = error.reason === 'not_stored';
    const message = isRead ? error.message : `memory.load cannot read ${JSON.stringify(path)}: ${error.message}`;
    throw fail('failed', message, { data, cause: error });
  }
  return rows.length;
}

async function fill(engine: MemoryEngine, rows: readonly FlatRow[]): Promise<void> {
  const pacer = new Pacer();
  for (const row of rows) {
    ingestRow(engine, row);
    if (pacer.isDue) await pacer.pause();
  }
}

async function runJob({ files }: FileAccess, operation: 'persist' | 'load', job: FileJob) {
  let outcome: FileOutcome;
  try {
    outcome = (await files.run(job)) as FileOutcome;
  } catch (error) {
    if (error instanceof JobError) throw fail('overloaded', `memory.${operation}: ${error.message}`, { cause: error });
    throw error;
  }
  if (!('problem' in outcome)) return outcome.bytes;
  const shown = JSON.stringify(job.path.slice(0, 256));
  throw fail('failed', `memory.${operation} rejected path ${shown}: ${outcome.problem}`, {
    data: { reason: 'path_rejected', field: 'path' },
  });
}
