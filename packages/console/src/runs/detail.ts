// One action or turn in full: what it was asked, what it said, who let it, how long it took and what it cost.
import type { HostApproval } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import '../parts/badge.ts';
import '../parts/value.ts';
import { controls } from '../parts/styles.ts';
import { clock, duration, plain, textOf } from '../parts/text.ts';
import { linkTo } from '../router.ts';
import { durationOf } from './graph.ts';
import { linkToRun, type RunTab } from './link.ts';
import { statusTones, wordOf } from './status.ts';
import { isOver, type Span, type SpanStatus, type Trace } from './trace.ts';
import { usageOf } from './usage.ts';

const shownDependencies = 20;

export class CarRunDetail extends LitElement {
  static override properties = {
    runId: {},
    tab: {},
    trace: { attribute: false },
    span: { attribute: false },
    status: {},
    isOnCriticalPath: { type: Boolean },
    approvals: { attribute: false },
  };
  declare runId: string;
  /** Beside which it is shown. */
  declare tab: RunTab;
  declare trace: Trace;
  declare span: Span;
  /** As of the moment that is shown. */
  declare status: SpanStatus;
  declare isOnCriticalPath: boolean;
  /** Among which those of this action are looked for. */
  declare approvals: readonly HostApproval[];

  constructor() {
    super();
    this.runId = '';
    this.tab = 'timeline';
    this.status = 'recorded';
    this.isOnCriticalPath = false;
    this.approvals = [];
  }

  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 14px;
      }
      dl {
        display: grid;
        grid-template-columns: max-content 1fr;
        gap: 3px 14px;
        margin: 0;
        font-size: 13px;
      }
      dt {
        color: var(--text-soft);
      }
      dd {
        margin: 0;
        min-width: 0;
        overflow-wrap: anywhere;
        font-variant-numeric: tabular-nums;
      }
      .verdict {
        border-inline-start: 3px solid var(--line);
        padding: 2px 0 2px 11px;
        overflow-wrap: anywhere;
      }
      .verdict.bad {
        border-color: var(--bad);
      }
      .verdict.warn {
        border-color: var(--warn);
      }
      .verdict.good {
        border-color: var(--good);
      }
      h2 {
        overflow-wrap: anywhere;
      }
    `,
  ];

  override render() {
    const { span, status } = this;
    const { turn } = span;
    const over = isOver(status);
    return html`
      <div class="row spread">
        <h2>
          ${turn ? html`<span class="soft">Turn ${turn.index}</span> ` : nothing}<span class="mono"
            >${plain(span.name)}</span
          >
        </h2>
        <car-badge tone=${statusTones[status]}>${wordOf(span, status)}</car-badge>
      </div>
      ${this.#verdict(over)} ${this.#facts(over)} ${turn ? this.#values(over) : nothing}
    `;
  }

  #verdict(over: boolean): TemplateResult | typeof nothing {
    const { span, status } = this;
    const { turn } = span;
    const approvals = turn ? this.approvals.filter((each) => isAbout(each, turn.output)) : [];
    const lines: TemplateResult[] = [];
    if (over && status === 'rejected') {
      const by = span.refusedBy.length > 0 ? ` by ${span.refusedBy.map(refuserOf).join(', ')}` : ' before it ran';
      lines.push(html`<div class="verdict warn">Refused${by}. Nothing was run.</div>`);
    }
    if (over && status === 'failed') lines.push(html`<div class="verdict bad">It ran and failed.</div>`);
    if (over && status === 'skipped')
      lines.push(html`<div class="verdict">Never began: an earlier action stopped the plan.</div>`);
    if (over && turn?.action?.rolled_back)
      lines.push(
        html`<div class="verdict warn">
          It succeeded; its changes of state were taken back when the plan was aborted.
        </div>`,
      );
    if (over && turn && turn.verifier_verdict !== 'not_run')
      lines.push(html`<div class="verdict">Verifier: ${textOf(turn.verifier_verdict)}</div>`);
    for (const { id, status: state, outcome, resolved_by } of approvals.slice(0, 5)) {
      const said =
        outcome === undefined
          ? state === 'pending'
            ? 'waits for a person'
            : 'resolved'
          : outcome.replaceAll('_', ' ');
      lines.push(
        html`<div class="verdict ${outcome === 'approved' ? 'good' : 'warn'}">
          <a href=${linkTo('approvals', id)}>Approval</a>: ${said}${resolved_by ? ` (${plain(resolved_by)})` : nothing}
        </div>`,
      );
    }
    return lines.length > 0 ? html`<div class="stack" aria-label="Verdict">${lines}</div>` : nothing;
  }

  #facts(over: boolean): TemplateResult {
    const { span, trace } = this;
    const { turn, startMs, submittedMs, proposalId, actionId, attempts } = span;
    const usage = over && turn ? usageOf(turn) : {};
    const facts: [string, unknown][] = [];
    if (over && (startMs === undefined || span.isEstimated)) facts.push(['Recorded', clock(turn?.recorded_at)]);
    if (startMs !== undefined && !span.isEstimated) {
      facts.push([
        'Started',
        `${clock(new Date(startMs).toISOString())}, ${duration(startMs - trace.startMs)} into the run`,
      ]);
    }
    if (over && startMs !== undefined) {
      facts.push([
        'Took',
        span.isEstimated
          ? `${duration(durationOf(span))} at most: since the record before it`
          : html`${duration(durationOf(span))}${this.isOnCriticalPath ? ', on the critical path' : nothing}`,
      ]);
    }
    if (submittedMs !== undefined && startMs !== undefined && startMs - submittedMs >= 1)
      facts.push(['Waited', duration(startMs - submittedMs)]);
    if (attempts > 1) facts.push(['Attempts', attempts]);
    if (usage.tokens !== undefined) {
      const parts =
        usage.tokensIn !== undefined && usage.tokensOut !== undefined
          ? ` (${usage.tokensIn.toLocaleString()} in, ${usage.tokensOut.toLocaleString()} out)`
          : '';
      facts.push(['Tokens', `${usage.tokens.toLocaleString()}${parts}`]);
    }
    if (usage.costUsd !== undefined) facts.push(['Cost', dollars(usage.costUsd)]);
    if (span.after.length > 0) facts.push(['Waits for', this.#dependencies()]);
    if (actionId !== undefined) facts.push(['Action', html`<span class="mono">${plain(actionId)}</span>`]);
    if (proposalId !== undefined) facts.push(['Plan', html`<span class="mono">${plain(proposalId)}</span>`]);
    return html`<dl>
      ${facts.map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd>${value}</dd>`,
      )}
    </dl>`;
  }

  #dependencies(): unknown {
    const { after, proposalId } = this.span;
    const named = after.slice(0, shownDependencies).map((id, index) => {
      const other = this.trace.spans.find((each) => each.proposalId === proposalId && each.actionId === id);
      const name = html`<span class="mono">${plain(id)}</span
        >${other && other.name !== id ? html` (${plain(other.name)})` : nothing}`;
      return html`${index > 0 ? ', ' : nothing}${other?.turn ? html`<a href=${linkToRun(this.runId, other.turn.index, this.tab)}>${name}</a>` : name}`;
    });
    return after.length > shownDependencies ? [...named, ` and ${after.length - shownDependencies} more`] : named;
  }

  #values(over: boolean): (TemplateResult | typeof nothing)[] {
    const { turn, status } = this.span;
    if (!turn) return [];
    const { prompt, parameters, output, cli_outcome: program } = turn;
    const isError = status === 'failed' || status === 'rejected' || status === 'skipped';
    const values: [string, unknown, boolean][] = [
      ['Prompt', prompt, true],
      ['Parameters', isEmpty(parameters) ? undefined : parameters, true],
      [isError && turn.action ? 'Error' : 'Output', output, over],
      ['Result of the program', program, over],
    ];
    const shown = values.filter(
      ([, value, isThere]) => isThere && value !== undefined && value !== null && value !== '',
    );
    return shown.map(([label, value]) => html`<car-value label=${label} .value=${value}></car-value>`);
  }
}

export function dollars(usd: number): string {
  return `$${usd.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 4 })}`;
}

function refuserOf(name: string): string {
  if (name === 'permission_tier') return 'the permission gate';
  if (name === 'supervision') return 'a supervisor';
  return plain(name);
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** A refusal names the fingerprint that an approval is about. */
function isAbout({ details }: HostApproval, output: unknown): boolean {
  const fingerprint = details?.['fingerprint'];
  return (
    typeof fingerprint === 'string' &&
    fingerprint.length >= 16 &&
    typeof output === 'string' &&
    output.includes(fingerprint)
  );
}

customElements.define('car-run-detail', CarRunDetail);
