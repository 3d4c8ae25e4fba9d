import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';

const maxKnown = 64;
/** Digests of files as they were; a program of 100 MB is read once, not at every start. */
const known = new Map<string, string>();

/** SHA-256 of a file, in hexadecimal digits. */
export async function digestOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  const key = [path, dev, ino, size, mtimeNs, ctimeNs].join(' ');
  const digest = known.get(key);
  if (digest !== undefined) return digest;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const computed = hash.digest('hex');
  if (known.size >= maxKnown) known.delete(known.keys().next().value as string);
  known.set(key, computed);
  return computed;
}
