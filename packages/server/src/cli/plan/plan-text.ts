// Words for plans: whatever a file says reaches the terminal on one line, cut short and without control characters.
import { shown } from '../terminal.ts';

const maxNameChars = 60;
const maxTextChars = 200;

/** An id, a key or a tool, cut to what a person reads. */
export function nameOf(text: string): string {
  return cut(text, maxNameChars);
}

/** A message or a value on one line. */
export function textOf(value: unknown, maxChars = maxTextChars): string {
  return cut(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null'), maxChars);
}

function cut(text: string, maxChars: number): string {
  // Cut before it is made safe, which takes time, and after, since escapes are longer than what they stand for.
  const safe = shown(text.slice(0, maxChars + 1)).replaceAll('\t', ' ');
  return safe.length > maxChars ? `${safe.slice(0, maxChars - 1)}…` : safe;
}

/** `1 action`, `2 actions` */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `850 ms`, `2.4 s`, `3m 5s` */
export function tookText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)}m ${Math.floor(ms / 1_000) % 60}s`;
}

/** Control characters as escapes, in JSON that stays the same value. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((index) => String.raw`\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
