// An image read into memory, within bounds. The program that reads the text never gets a path: given one, it would also take a
// list of other files, or an address to fetch.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { fail } from '@car-runtime/protocol';

const maxImageBytes = 32 * 1024 * 1024;

export interface ImageFile {
  readonly bytes: Buffer;
  /** Of its content, in hex. */
  readonly sha256: string;
  /** Without links. */
  readonly path: string;
}

/** First bytes of the formats that tesseract reads. */
const signatures: readonly [name: string, test: (bytes: Buffer) => boolean][] = [
  ['PNG', (bytes) => bytes.subarray(0, 8).equals(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'))],
  ['JPEG', (bytes) => bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))],
  ['TIFF', (bytes) => ['II*\0', 'MM\0*'].includes(bytes.toString('latin1', 0, 4))],
  ['BMP', (bytes) => bytes.toString('latin1', 0, 2) === 'BM'],
  ['GIF', (bytes) => bytes.toString('latin1', 0, 4) === 'GIF8'],
  ['WebP', (bytes) => bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP'],
  ['PNM', (bytes) => /^P[1-6]\s/.test(bytes.toString('latin1', 0, 3))],
];

export async function readImage(path: string): Promise<ImageFile> {
  if (!isAbsolute(path)) throw problem(path, 'image_path must be absolute', 'relative_path');
  let bytes: Buffer;
  let real: string;
  try {
    real = await realpath(path);
    // What is no file (a pipe, a device) must not be waited for.
    await using file = await open(real, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0));
    const info = await file.stat();
    if (!info.isFile()) throw problem(path, 'it is not a file', 'not_a_file');
    if (info.size > maxImageBytes) throw tooLarge(path, info.size);
    // One byte more than allowed shows a file that grew meanwhile.
    const buffer = Buffer.alloc(Math.min(info.size, maxImageBytes) + 1);
    let length = 0;
    for (let read = 1; read > 0 && length < buffer.length; length += read) {
      ({ bytesRead: read } = await file.read(buffer, length, buffer.length - length, length));
    }
    if (length > maxImageBytes) throw tooLarge(path, length);
    bytes = buffer.subarray(0, length);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code !== 'string') throw error;
    throw problem(path, code === 'ENOENT' ? 'no such file' : code, 'unreadable', error);
  }
  if (!signatures.some(([, matches]) => matches(bytes))) {
    const names = signatures.map(([name]) => name).join(', ');
    throw problem(path, `it is none of ${names}`, 'not_an_image');
  }
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), path: real };
}

function tooLarge(path: string, bytes: number): Error {
  return problem(path, `it has ${bytes} bytes, limit ${maxImageBytes}`, 'too_large');
}

function problem(path: string, why: string, reason: string, cause?: unknown): Error {
  return fail('failed', `Cannot read the image ${JSON.stringify(path)}: ${why}`, { data: { reason }, cause });
}
