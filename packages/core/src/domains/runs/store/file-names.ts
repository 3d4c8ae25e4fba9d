// Identifiers as names of files (Run tracing, Disk store). Two identifiers never share a name, on any file system, and no name
// leads out of its folder; what is of `a-z 0-9 . _ : -` stays as it is.
import { createHash } from 'node:crypto';

export const runExtension = '.jsonl';
/** Kept in the root beside the folders of the agents. */
export const backupMarker = '.nobackup';
export const indexName = '.index.sqlite';

/** File systems take names of 255 bytes; the extension and what SQLite adds need room too. */
const maxNameBytes = 240;
const reservedOnWindows = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/;

/** The name of an agent's folder. */
export function folderNameOf(agentId: string, platform: NodeJS.Platform = process.platform): string {
  const name = toName(agentId, platform);
  return name === backupMarker || name.startsWith(indexName) ? escapeFirst(name) : name;
}

export function fileNameOf(runId: string, platform: NodeJS.Platform = process.platform): string {
  return toName(runId, platform) + runExtension;
}

function toName(id: string, platform: NodeJS.Platform): string {
  const passing = platform === 'win32' ? /[a-z0-9._-]/ : /[a-z0-9._:-]/;
  let name = '';
  for (const byte of Buffer.from(id)) {
    const character = String.fromCharCode(byte);
    name += passing.test(character) ? character : escaped(byte);
  }
  if (name === '.' || name === '..') return escapeFirst(name);
  // Windows drops a dot at the end, and has devices that no file may be named after.
  if (platform === 'win32' && name.endsWith('.')) name = `${name.slice(0, -1)}${escaped(0x2e)}`;
  if (platform === 'win32' && reservedOnWindows.test(name)) name = escapeFirst(name);
  if (name.length <= maxNameBytes) return name;
  // No other name has a tilde in it.
  const digest = createHash('sha256').update(id).digest('hex');
  return `${name.slice(0, maxNameBytes - digest.length - 1)}~${digest}`;
}

function escaped(byte: number): string {
  return `%${byte.toString(16).padStart(2, '0')}`;
}

function escapeFirst(name: string): string {
  return escaped(name.charCodeAt(0)) + name.slice(1);
}
