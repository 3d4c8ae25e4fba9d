// Images for a prompt: what the contract takes, told by what is in the file and not by its name.
import type { ImageBlock } from '@car-runtime/protocol';
import { bytes as sized, plain } from './text.ts';

/** Of one prompt. */
export const maxImages = 64;
/** Of one prompt together: the daemon takes frames of 16 MiB, and base64 takes a third more than the image. */
export const maxImageBytes = 11 * 1024 * 1024;

type MediaType = Extract<ImageBlock, { type: 'image_base64' }>['media_type'];

export interface AttachedImage {
  id: string;
  name: string;
  mediaType: MediaType;
  bytes: number;
  /** Of the page alone, for as long as it is attached. */
  url: string;
  block: ImageBlock;
}

/** The images among the files, and why the others are not taken. */
export async function readImages(
  files: readonly File[],
  attached: readonly AttachedImage[],
): Promise<{ images: AttachedImage[]; problems: string[] }> {
  const images: AttachedImage[] = [];
  const problems: string[] = [];
  let total = attached.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const file of files) {
    const name = plain(file.name || 'the image').slice(0, 120);
    if (attached.length + images.length >= maxImages) {
      problems.push(`“${name}” is one too many: a prompt takes ${maxImages} images`);
      break;
    }
    if (total + file.size > maxImageBytes) {
      const why = total === 0 ? '' : ` beside the ${sized(total)} there are`;
      problems.push(
        `“${name}” is too large with ${sized(file.size)}${why}: the images of a prompt take ${sized(maxImageBytes)} together`,
      );
      continue;
    }
    const content = new Uint8Array(await file.arrayBuffer());
    const mediaType = mediaTypeOf(content);
    if (!mediaType) {
      problems.push(`“${name}” is not taken: agents get PNG, JPEG, GIF and WebP images`);
      continue;
    }
    total += content.length;
    images.push({
      id: crypto.randomUUID(),
      name,
      mediaType,
      bytes: content.length,
      url: URL.createObjectURL(new Blob([content], { type: mediaType })),
      block: { type: 'image_base64', media_type: mediaType, data: toBase64(content) },
    });
  }
  return { images, problems };
}

function mediaTypeOf(content: Uint8Array): MediaType | undefined {
  const text = (from: number, to: number): string => String.fromCharCode(...content.subarray(from, to));
  if (text(0, 8) === '\u0089PNG\r\n\u001A\n') return 'image/png';
  if (text(0, 3) === '\u00FF\u00D8\u00FF') return 'image/jpeg';
  if (/^GIF8[79]a$/.test(text(0, 6))) return 'image/gif';
  return text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP' ? 'image/webp' : undefined;
}

function toBase64(content: Uint8Array): string {
  const pieces: string[] = [];
  // A call takes only so many arguments; a multiple of three needs no padding in between.
  const step = 3 * 8_192;
  for (let start = 0; start < content.length; start += step)
    pieces.push(btoa(String.fromCharCode(...content.subarray(start, start + step))));
  return pieces.join('');
}
