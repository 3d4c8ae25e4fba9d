// Where a memory is kept: files below `<root>/memory`, whose names no two memories share on any file system.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fail } from '@car-runtime/protocol';

export const sharedFile = 'shared.jsonl';
export const lockFile = '.lock';
export const agentFolder = 'agents';
export const namespaceFolder = 'memory-namespaces';
/** Longest file name before its ending: with what is put behind it, every file system takes it. */
const maxEncodedChars = 200;
const passes = /[a-z0-9._-]/;

/** UTF-8 bytes; `a-z 0-9 - _ .` stay, every other byte becomes `%` and two lower-case hex digits. */
export function encodeName(name: string): string {
  let encoded = '';
  for (const byte of Buffer.from(name)) {
    const character = String.fromCharCode(byte);
    encoded += passes.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`;
  }
  return encoded;
}

/** What `encodeName` was given; nothing for a file name that it does not make. */
export function decodeName(encoded: string): string | undefined {
  try {
    const name = decodeURIComponent(encoded);
    return encodeName(name) === encoded ? name : undefined;
  } catch {
    return undefined;
  }
}

export function agentPath(root: string, agentId: string): string {
  return join(root, agentFolder, `${checked('agent', agentId)}.jsonl`);
}

export function namespacePath(root: string, namespace: string): string {
  return join(root, namespaceFolder, `${checked('namespace', namespace)}.jsonl`);
}

/** A name that no other file has, for what takes its place. */
export function temporaryBeside(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}`;
}

function checked(what: string, name: string): string {
  const isWellFormed = name.isWellFormed();
  const encoded = encodeName(name);
  if (isWellFormed && encoded.length <= maxEncodedChars) return encoded;
  const why = isWellFormed
    ? `its name takes ${encoded.length} characters as a file, at most ${maxEncodedChars} are allowed`
    : 'its name is not well-formed Unicode';
  throw fail('invalid_params', `Cannot use the memory of ${what} "${name.slice(0, 64)}": ${why}`, {
    data: { reason: 'bad_memory_name', field: 'memory_namespace' },
  });
}
