// What is not as it was: values compared member by member, and longer text line by line.
import { css, html, nothing, type TemplateResult } from 'lit';
import { plain, textOf } from './text.ts';

export interface Change {
  name: string;
  lines: readonly { kind: 'same' | 'removed' | 'added'; text: string }[];
}

/** Beyond these a text is shown as replaced as a whole: comparing is of the order of their product. */
const maxLines = 300;
const maxChanges = 100;
/** Lines that are the same, around those that are not. */
const context = 2;

/** Members of either whose values differ, in the order of the later one, then what is gone. */
export function changesBetween(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Change[] {
  const names = [...new Set([...Object.keys(after), ...Object.keys(before)])];
  return names
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .slice(0, maxChanges)
    .map((name) => ({
      name,
      lines: linesBetween(
        Object.hasOwn(before, name) ? textOf(before[name], 2) : undefined,
        Object.hasOwn(after, name) ? textOf(after[name], 2) : undefined,
      ),
    }));
}

export function linesBetween(before: string | undefined, after: string | undefined): Change['lines'] {
  const old = before === undefined ? [] : before.split('\n');
  const now = after === undefined ? [] : after.split('\n');
  if (old.length > maxLines || now.length > maxLines) {
    return [
      ...old.slice(0, maxLines).map((text) => ({ kind: 'removed' as const, text })),
      ...now.slice(0, maxLines).map((text) => ({ kind: 'added' as const, text })),
    ];
  }
  return nearChanges(compare(old, now));
}

/** The longest common subsequence, which is what people expect to see as unchanged. */
function compare(old: readonly string[], now: readonly string[]): Change['lines'] {
  const width = now.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      common[i * width + j] =
        old[i] === now[j]
          ? (common[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0);
    }
  }
  const lines: { kind: 'same' | 'removed' | 'added'; text: string }[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push({ kind: 'same', text: old[i++] ?? '' });
      j++;
    } else if (
      i < old.length &&
      (j === now.length || (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))
    ) {
      lines.push({ kind: 'removed', text: old[i++] ?? '' });
    } else lines.push({ kind: 'added', text: now[j++] ?? '' });
  }
  return lines;
}

function nearChanges(lines: Change['lines']): Change['lines'] {
  const changed = lines.flatMap(({ kind }, index) => (kind === 'same' ? [] : [index]));
  const near = new Set(changed.flatMap((at) => Array.from({ length: 2 * context + 1 }, (_, by) => at - context + by)));
  return lines.filter((_, index) => near.has(index));
}

const signs = { same: '\u00A0', removed: '−', added: '+' };
const words = { same: undefined, removed: 'before: ', added: 'now: ' };

export function diffTable(changes: readonly Change[]): TemplateResult {
  return html`<dl class="diff">
    ${changes.map(
      ({ name, lines }) =>
        html`<dt class="mono">${plain(name)}</dt>
          <dd>
            ${lines.map(
              ({ kind, text }) =>
                html`<div class="line ${kind}">
                  <span aria-hidden="true">${signs[kind]}</span
                  ><span
                    >${words[kind] ? html`<span class="visually-hidden">${words[kind]}</span>` : nothing}${plain(text)}</span
                  >
                </div>`,
            )}
          </dd>`,
    )}
  </dl>`;
}

export const diffStyles = css`
  .diff {
    margin: 0;
    display: grid;
    grid-template-columns: minmax(80px, auto) 1fr;
    gap: 6px 12px;
    font: 12.5px/1.5 var(--mono);
  }
  .diff dt {
    color: var(--text-soft);
    overflow-wrap: anywhere;
  }
  .diff dd {
    margin: 0;
    min-width: 0;
  }
  .diff .line {
    display: grid;
    grid-template-columns: 16px 1fr;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
    padding: 0 4px;
    border-radius: 3px;
  }
  .diff .removed {
    background: var(--bad-surface);
    color: var(--bad);
  }
  .diff .added {
    background: var(--good-surface);
    color: var(--good);
  }
  @media (max-width: 720px) {
    .diff {
      grid-template-columns: 1fr;
    }
  }
`;
