// Signed checkpoints of a chained journal: a chain alone cannot show that its beginning or its end was cut off.
//
// They stand in `<client id>.checkpoints.jsonl`, one a line. A line ends with `,"signature":"<128 hex>"}`, an Ed25519
// signature of the line's own bytes without that member and without the newline.
import { verify, type KeyObject } from 'node:crypto';

export type CheckpointReason = 'enabled' | 'interval' | 'compacted' | 'closed';

/** The chain runs from the event after number `removed`, whose `prev_hash` is `base`, to event number `count`, whose
 *  hash is `head`. Events are numbered from 1 where the chain began. */
export interface Checkpoint {
  /** Client id of the journal. */
  readonly journal: string;
  /** Number of this record in its file, from 0. */
  readonly seq: number;
  readonly reason: CheckpointReason;
  readonly count: number;
  readonly head: string;
  /** Events that retention took from the beginning of the file. */
  readonly removed: number;
  readonly base: string;
  /** Events in the file from before the chain began: counted, not protected. */
  readonly plain: number;
  readonly timestamp: string;
  readonly key_id: string;
}

const signatureSuffix = /,"signature":"([0-9a-f]{128})"\}$/;
const suffixBytes = `,"signature":"${'0'.repeat(128)}"}`.length;

/** A checkpoint as the line of its file. */
export function signCheckpoint(checkpoint: Checkpoint, sign: (bytes: Buffer) => Buffer): string {
  const { journal, seq, reason, count, head, removed, base, plain, timestamp, key_id } = checkpoint;
  const text = JSON.stringify({ journal, seq, reason, count, head, removed, base, plain, timestamp, key_id });
  return `${text.slice(0, -1)},"signature":"${sign(Buffer.from(text)).toString('hex')}"}`;
}

/** Reads a line; `undefined` when it is no checkpoint. */
export function readCheckpoint(line: Buffer): Checkpoint | undefined {
  if (signatureOf(line) === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line.toString());
  } catch {
    return undefined;
  }
  return isCheckpoint(value) ? value : undefined;
}

/** Whether the line was signed with the private half of this key. */
export function isSignedBy(line: Buffer, publicKey: KeyObject): boolean {
  const signature = signatureOf(line);
  if (signature === undefined) return false;
  const signed = Buffer.concat([line.subarray(0, line.length - suffixBytes), Buffer.from('}')]);
  return verify(null, signed, publicKey, Buffer.from(signature, 'hex'));
}

function signatureOf(line: Buffer): string | undefined {
  return signatureSuffix.exec(line.toString('latin1', Math.max(0, line.length - suffixBytes)))?.[1];
}

const hashText = /^[0-9a-f]{64}$/;

function isCheckpoint(value: unknown): value is Checkpoint {
  if (typeof value !== 'object' || value === null) return false;
  const { journal, seq, reason, count, head, removed, base, plain, timestamp, key_id } = value as Record<
    string,
    unknown
  >;
  return (
    [journal, reason, timestamp, key_id].every((field) => typeof field === 'string') &&
    [seq, count, removed, plain].every((field) => Number.isSafeInteger(field) && (field as number) >= 0) &&
    [head, base].every((field) => typeof field === 'string' && hashText.test(field))
  );
}
