import { basename } from 'node:path';
import type { AppendFile } from '../../infra/append-file.ts';
import { timestamp } from '../../infra/timestamp.ts';
import { signCheckpoint, type CheckpointReason } from '../../journal/checkpoint.ts';
import type { JournalSigner } from '../../journal/key-pair.ts';
import { clientIdOf } from '../../journal/paths.ts';
import type { ChainState } from './hash-chain.ts';

/** Events of a chain between two checkpoints. */
export const checkpointInterval = 1_000;

/** Writes the checkpoints of one journal. Only what the journal's file already holds may be signed. */
export class CheckpointFile implements Disposable {
  readonly #file: AppendFile;
  readonly #signer: () => JournalSigner | undefined;
  readonly #journal: string;
  #seq = 0;
  #lastCount = 0;

  constructor(journalPath: string, file: AppendFile, signer: () => JournalSigner | undefined) {
    this.#journal = clientIdOf(journalPath) ?? basename(journalPath);
    this.#file = file;
    this.#signer = signer;
  }

  get keyId(): string | undefined {
    return this.#signer()?.keyId;
  }

  /** Goes on where the file of an earlier session ends. */
  resume({ seq, count }: { seq: number; count: number }): void {
    this.#seq = seq;
    this.#lastCount = count;
  }

  isDue({ count }: ChainState): boolean {
    return count - this.#lastCount >= checkpointInterval;
  }

  /** Signs the chain as it is in a file of so many lines. Returns whether there was a key to sign with. */
  write(reason: CheckpointReason, { count, head, removed, base }: ChainState, fileLines: number): boolean {
    this.#lastCount = count;
    const signer = this.#signer();
    if (!signer) return false;
    const plain = fileLines - (count - removed);
    const record = { journal: this.#journal, seq: this.#seq++, reason, count, head, removed, base, plain };
    this.#file.append(
      signCheckpoint({ ...record, timestamp: timestamp(), key_id: signer.keyId }, (bytes) => signer.sign(bytes)),
    );
    return true;
  }

  /** Hands what was signed to the operating system now. Returns whether it took it. */
  flush(): boolean {
    this.#file.flush();
    return !this.#file.hasUnwritten;
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
