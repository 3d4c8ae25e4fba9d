// Text as the tools show it: lines with their numbers, long ones cut.
import { PathProblem } from '../../../infra/rooted-path.ts';
import { maxAnswerChars, maxLineChars } from './limits.ts';

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lossyDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
const sniffedBytes = 8 * 1024;

/** Whether bytes are anything but text, judged as Git does it. */
export function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, sniffedBytes).includes(0);
}

/** Bytes as text, byte for byte the same when it is encoded again. */
export function decodeExactly(bytes: Uint8Array): string {
  if (isBinary(bytes)) throw new PathProblem('it is binary');
  try {
    return strictDecoder.decode(bytes);
  } catch (error) {
    throw new PathProblem('it is not UTF-8', { cause: error });
  }
}

/** Bytes as text; what is not UTF-8 becomes U+FFFD. */
export function decodeForReading(bytes: Uint8Array): { text: string; isLossy: boolean } {
  if (isBinary(bytes)) throw new PathProblem('it is binary');
  try {
    return { text: strictDecoder.decode(bytes), isLossy: false };
  } catch {
    return { text: lossyDecoder.decode(bytes), isLossy: true };
  }
}

/** Lines of a text without their ends; a last line that is empty is none. */
export function* linesOf(text: string): Generator<string> {
  for (let from = 0; from < text.length;) {
    const at = text.indexOf('\n', from);
    const end = at < 0 ? text.length : at;
    yield text.slice(from, text[end - 1] === '\r' && end > from ? end - 1 : end);
    from = end + 1;
  }
}

export interface NumberedLines {
  content: string;
  totalLines: number;
  /** The first line that was left out behind the last one shown. */
  nextLine: number | undefined;
  /** Lines that were cut. */
  cutLines: number;
}

/** Up to `limit` lines from line `first` on, each with its number before a tab. */
export function numberLines(text: string, first: number, limit: number): NumberedLines {
  const shown: string[] = [];
  let chars = 0;
  let totalLines = 0;
  let nextLine: number | undefined;
  let cutLines = 0;
  for (const line of linesOf(text.startsWith('\uFEFF') ? text.slice(1) : text)) {
    totalLines++;
    if (totalLines < first || nextLine !== undefined) continue;
    if (shown.length >= limit || chars > maxAnswerChars) {
      nextLine = totalLines;
      continue;
    }
    if (line.length > maxLineChars) cutLines++;
    const numbered = `${String(totalLines).padStart(6)}\t${cut(line, maxLineChars)}`;
    chars += numbered.length + 1;
    shown.push(numbered);
  }
  return { content: shown.join('\n'), totalLines, nextLine, cutLines };
}

/** At most `max` characters, none of them halved, and how many are missing. */
export function cut(line: string, max: number): string {
  if (line.length <= max) return line;
  const shown = line.slice(0, max).toWellFormed();
  return `${shown}… (${line.length - max} more characters)`;
}
