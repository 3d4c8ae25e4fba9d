// What is in force for one session: its tools and policies by name, and its numbers.
import type { MethodResult } from '@car-runtime/client';
import { html, type TemplateResult } from 'lit';
import { duration, plain } from '../parts/text.ts';

export type Session = MethodResult<'host.session'>;

export function named(
  title: string,
  all: readonly { name: string; description: string }[],
  none: string,
): TemplateResult {
  return html`<div>
    <h3>${title} (${all.length})</h3>
    ${
      all.length === 0
        ? html`<div class="soft">${none}</div>`
        : html`<ul tabindex="0" aria-label=${title}>
            ${all.map(
              ({ name, description }) =>
                html`<li><span class="mono">${plain(name)}</span> <span class="soft">${plain(description)}</span></li>`,
            )}
          </ul>`
    }
  </div>`;
}

export function numbers(metrics: Session['metrics']): TemplateResult {
  const rows: readonly (readonly [string, string])[] = [
    [
      'actions',
      `${metrics.actions_succeeded} succeeded, ${metrics.actions_failed} failed, ${metrics.actions_rejected} rejected`,
    ],
    ['error rate', `${(metrics.error_rate * 100).toFixed(1)} %`],
    ['average latency', duration(metrics.avg_latency_ms)],
    ['gates', `${metrics.gate_rejections} refusals, ${metrics.policy_violations} policy violations`],
    ['models', `${metrics.tokens_in.toLocaleString()} tokens in, ${metrics.tokens_out.toLocaleString()} out`],
    ['cost', `$${metrics.cumulative_cost_usd.toFixed(2)}`],
    ['goals', `${metrics.goals_met} of ${metrics.goal_evaluations} met`],
  ];
  return html`<div>
    <h3>Numbers of this session</h3>
    <dl>
      ${rows.map(
        ([name, text]) =>
          html`<dt>${name}</dt>
            <dd>${text}</dd>`,
      )}
    </dl>
  </div>`;
}
