// `external-agents.jsonl`: every task that was given to an external agent, what it did with it, and how that ended. The tools
// of such an agent are its own; this is how the daemon knows of them.
import { closeSync, constants, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ExternalResult } from '@car-runtime/protocol';
import { makePrivateFolder } from '../../infra/private-file.ts';
import { timestamp } from '../../infra/timestamp.ts';
import type { Health } from '../../kernel/health.ts';

const component = 'external agents';
const defaultMaxBytes = 16 * 1024 * 1024;
/** The one that is written, and those that were moved aside, the oldest last. */
export const auditNames = [0, 1, 2, 3].map((number) => `external-agents.jsonl${number === 0 ? '' : `.${number}`}`) as [
  string,
  ...string[],
];
/** Of one text in a record. */
const maxTextChars = 256 * 1024;

export interface AuditRecord {
  adapter_id: string;
  task: string;
  options: Record<string, unknown>;
  result: ExternalResult;
}

export class AuditFile {
  readonly path: string;
  readonly #health: Health;
  readonly #maxBytes: number;

  constructor(path: string, { health, maxBytes = defaultMaxBytes }: { health: Health; maxBytes?: number }) {
    this.path = path;
    this.#health = health;
    this.#maxBytes = maxBytes;
  }

  /** The record is with the operating system when this returns. When the disk refuses, the daemon says so and goes on: the
   *  agent has done its work, and its caller is to hear of it. */
  append({ adapter_id, task, options, result }: AuditRecord): void {
    const record = {
      ts: timestamp(),
      adapter_id,
      task: bounded(task),
      options,
      result: { ...result, tool_uses: result.tool_uses ?? [], answer: bounded(result.answer) },
    };
    try {
      this.#write(Buffer.from(`${JSON.stringify(record)}\n`));
      this.#health.recover(component);
    } catch (error) {
      this.#health.degrade(component, (error as Error).message);
    }
  }

  #write(bytes: Buffer): void {
    let descriptor = this.#open();
    try {
      const { size } = fstatSync(descriptor);
      if (size > 0 && size + bytes.length > this.#maxBytes) {
        closeSync(descriptor);
        this.#rotate();
        descriptor = this.#open();
      }
      for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
    } finally {
      closeSync(descriptor);
    }
  }

  #open(): number {
    makePrivateFolder(dirname(this.path));
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
    return openSync(this.path, flags, 0o600);
  }

  #rotate(): void {
    rmSync(`${this.path}.${auditNames.length - 1}`, { force: true });
    for (let number = auditNames.length - 2; number >= 0; number--) {
      const from = number === 0 ? this.path : `${this.path}.${number}`;
      try {
        renameSync(from, `${this.path}.${number + 1}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }
}

function bounded(text: string): string {
  return text.length <= maxTextChars ? text : `${text.slice(0, maxTextChars)}… (${text.length} characters)`;
}
