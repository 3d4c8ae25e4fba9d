import { styleText } from 'node:util';
import type { ActionResult } from '@car-runtime/protocol';

export const bold = (text: string): string => styleText('bold', text);
export const dim = (text: string): string => styleText('dim', text);

export function heading(text: string): void {
  console.log(`\n${bold(text)}`);
}

const statusColors = { succeeded: 'green', rejected: 'yellow', failed: 'red', skipped: 'gray' } as const;

/** One line per action: what became of it, how long it took, and its output or error. */
export function printResults(results: readonly ActionResult[]): void {
  const idWidth = Math.max(...results.map(({ action_id }) => action_id.length));
  for (const { action_id, status, duration_ms, output, error, rolled_back } of results) {
    const color = rolled_back
      ? 'gray'
      : status in statusColors
        ? statusColors[status as keyof typeof statusColors]
        : 'white';
    const time = duration_ms == null ? '' : `${duration_ms.toFixed(1)} ms`;
    const detail = error ?? shorten(JSON.stringify(output ?? null));
    console.log(
      `   ${action_id.padEnd(idWidth)}  ${styleText(color, (rolled_back ? 'rolled back' : status).padEnd(11))}  ${time.padStart(8)}  ${detail}`,
    );
  }
}

export function shorten(text: string, width = 60): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
