// Attachments as files of our own for tools that take paths: what was looked at is what the tool reads, under a name that no
// option parser takes for anything else.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Attachment } from './attachments.ts';

const endings: ReadonlyMap<string | undefined, string> = new Map([
  ['image/png', 'png'],
  ['image/jpeg', 'jpg'],
  ['image/gif', 'gif'],
  ['image/webp', 'webp'],
]);

export interface Staged extends AsyncDisposable {
  readonly folder: string;
  readonly paths: readonly string[];
}

export async function stage(attachments: readonly Attachment[]): Promise<Staged | undefined> {
  if (attachments.length === 0) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'car-attachments-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const paths = attachments.map(({ mediaType }, index) =>
      join(folder, `attachment-${index + 1}.${endings.get(mediaType) ?? 'bin'}`),
    );
    for (const [index, { bytes }] of attachments.entries())
      await writeFile(paths[index] as string, bytes, { mode: 0o600, flag: 'wx' });
    return { folder, paths, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
