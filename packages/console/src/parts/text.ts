// Values as text for people. Nothing here makes HTML: whatever an agent wrote stays text.

import type { HostApproval } from '@car-runtime/protocol';

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const invisible = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/g;

/** Text from elsewhere, with characters that hide or reorder what is read shown as their code point. */
export function plain(text: string): string {
  return text.replace(
    invisible,
    (character) => `\u2039U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}\u203A`,
  );
}

/** Text that people read: as `plain`, but with line ends of any system, and with the joiners that emoji are made with. */
export function prose(text: string): string {
  return plain(text.replaceAll('\r\n', '\n').replaceAll(emojiJoiner, '\uE000')).replaceAll('\uE000', '\u200D');
}

const emojiJoiner = /(?<=\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?)\u200D(?=\p{Extended_Pictographic})/gu;

/** A value as text: strings as they are, everything else as JSON. */
export function textOf(value: unknown, indent?: number): string {
  if (value === undefined) return '';
  return plain(typeof value === 'string' ? value : JSON.stringify(value, undefined, indent));
}

/** How many there are of something. */
export function counted(count: number, one: string, many: string): string {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

/** What a list calls an approval: tier and reversibility stand beside it. */
export function titleOf({ action, kind }: Pick<HostApproval, 'action' | 'kind'>): string {
  const text = kind === 'permission' ? action.replace(/: (?:read_only|sandbox_edit|full_access), \w+$/, '') : action;
  return plain(text.replace(/^ws\.method:/, 'Call '));
}

export function ago(time: string | number, now = Date.now()): string {
  const seconds = Math.round((now - new Date(time).getTime()) / 1000);
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 5) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return '';
  if (ms < 1) return `${(ms * 1000).toFixed(0)} µs`;
  if (ms < 1_000) return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
}

export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  if (count < 1_000_000) return `${(count / 1_000).toFixed(1)} kB`;
  if (count < 1_000_000_000) return `${(count / 1_000_000).toFixed(1)} MB`;
  return `${(count / 1_000_000_000).toFixed(2)} GB`;
}

export function clock(time: string | undefined): string {
  if (time === undefined) return '';
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '' : date.toLocaleTimeString(undefined, { hour12: false });
}
