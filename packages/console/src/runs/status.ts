// How the states of spans look: a word, a sign and a colour, so that none of them says it alone.
import { css } from 'lit';
import type { Tone } from '../parts/badge.ts';
import type { Span, SpanStatus } from './trace.ts';

export const statusWords: Readonly<Record<SpanStatus, string>> = {
  proposed: 'waiting',
  validated: 'checked',
  executing: 'running',
  succeeded: 'succeeded',
  failed: 'failed',
  rejected: 'refused',
  skipped: 'skipped',
  recorded: 'recorded',
};

export const statusSigns: Readonly<Record<SpanStatus, string>> = {
  proposed: '○',
  validated: '○',
  executing: '▶',
  succeeded: '✓',
  failed: '✕',
  rejected: '⊘',
  skipped: '↷',
  recorded: '●',
};

export const statusTones: Readonly<Record<SpanStatus, Tone>> = {
  proposed: 'soft',
  validated: 'soft',
  executing: 'accent',
  succeeded: 'good',
  failed: 'bad',
  rejected: 'warn',
  skipped: 'soft',
  recorded: 'soft',
};

/** Elements with `data-status` get its colour as `--status`. */
export const statusColours = css`
  [data-status] {
    --status: var(--text-soft);
  }
  [data-status='executing'] {
    --status: var(--accent);
  }
  [data-status='succeeded'] {
    --status: var(--good);
  }
  [data-status='failed'] {
    --status: var(--bad);
  }
  [data-status='rejected'] {
    --status: var(--warn);
  }
`;

/** What a status is called where it is told of one span. */
export function wordOf(span: Span, status: SpanStatus): string {
  return span.turn?.action?.rolled_back === true && status === 'succeeded' ? 'rolled back' : statusWords[status];
}
