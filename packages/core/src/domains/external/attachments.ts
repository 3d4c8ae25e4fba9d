// Images that go along with a task. What they are is told from their first bytes; what their sender calls them counts for
// nothing.
import { constants, open } from 'node:fs/promises';

const maxFileBytes = 32 * 1024 * 1024;
/** Of all that go along with one task. */
const maxTotalBytes = 64 * 1024 * 1024;

export interface Attachment {
  readonly bytes: Buffer;
  /** Absent when it is no image that is known. */
  readonly mediaType: string | undefined;
}

const magic: readonly [mediaType: string, test: (bytes: Buffer) => boolean][] = [
  ['image/png', (bytes) => bytes.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))],
  ['image/jpeg', (bytes) => bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))],
  ['image/gif', (bytes) => /^GIF8[79]a$/.test(bytes.toString('latin1', 0, 6))],
  ['image/webp', (bytes) => /^RIFF[^]{4}WEBP$/.test(bytes.toString('latin1', 0, 12))],
];

function mediaTypeOf(bytes: Buffer): string | undefined {
  return magic.find(([, test]) => test(bytes))?.[0];
}

/** What can be handed on, and how many cannot: not to be read, too large, or no image where only images are taken. */
export async function readAttachments(
  paths: readonly string[],
  { takesAnyFile, maxBytes = maxTotalBytes }: { takesAnyFile: boolean; maxBytes?: number },
): Promise<{ attachments: Attachment[]; dropped: number }> {
  const attachments: Attachment[] = [];
  let left = maxBytes;
  for (const path of paths) {
    const bytes = await readBounded(path, Math.min(maxFileBytes, left));
    const mediaType = bytes && mediaTypeOf(bytes);
    if (!bytes || (mediaType === undefined && !takesAnyFile)) continue;
    left -= bytes.length;
    attachments.push({ bytes, mediaType });
  }
  return { attachments, dropped: paths.length - attachments.length };
}

/** Nothing when it is no file, larger, or not to be read. A pipe without a writer keeps nobody waiting. */
async function readBounded(path: string, maxBytes: number): Promise<Buffer | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const info = await file.stat();
    if (!info.isFile() || info.size > maxBytes) return undefined;
    // A file that grows meanwhile is read as long as it was.
    const bytes = Buffer.alloc(info.size);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } catch {
    return undefined; // not to be read, which is counted
  }
}
