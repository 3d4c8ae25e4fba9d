// One fact: what it says, since when, who said it, what it rests on, and why it was found.
import type { MethodResult } from '@car-runtime/client';
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import '../parts/badge.ts';
import { confirmed } from '../parts/confirm.ts';
import { diffStyles, diffTable, linesBetween } from '../parts/diff.ts';
import '../parts/fact-graph.ts';
import { edgeText, type Neighbor } from '../parts/fact-graph.ts';
import { failed, loading } from '../parts/states.ts';
import { styled } from '../parts/styled.ts';
import { controls } from '../parts/styles.ts';
import { ago, plain } from '../parts/text.ts';
import { linkTo } from '../router.ts';
import { Loaded } from '../store/loaded.ts';
import { memoryView, openMemory, type MemoryPlace } from '../store/memory-feed.ts';
import { renderOn } from '../store/store.ts';

type Shown = MethodResult<'memory.show'>;
type Entry = MethodResult<'memory.timeline'>[number];
type Explained = MethodResult<'memory.explain'>;

interface Known {
  shown: Shown;
  around: MethodResult<'memory.neighbors'>;
  timeline: readonly Entry[];
  explained: Explained | undefined;
}

const maxNeighbors = 100;

export class CarMemoryFact extends LitElement {
  static override properties = {
    factId: {},
    place: { attribute: false },
    query: {},
    linkToFact: { attribute: false },
    isEditing: { state: true },
    draft: { state: true },
    isBusy: { state: true },
    problem: { state: true },
  };
  declare factId: string;
  declare place: MemoryPlace;
  /** What was searched for, to say why this was found. */
  declare query: string;
  declare linkToFact: (factId: string) => string;
  declare isEditing: boolean;
  declare draft: string;
  declare isBusy: boolean;
  declare problem: string | undefined;
  #version = 0;
  readonly #known = new Loaded<Known>(this, () => this.#read());

  constructor() {
    super();
    this.isEditing = false;
    this.isBusy = false;
    this.draft = '';
    renderOn(this, memoryView);
  }

  static override styles = [
    controls,
    diffStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 18px;
      }
      h2 {
        font-size: 17px;
        overflow-wrap: anywhere;
      }
      h3 {
        margin: 0 0 8px;
        font-size: 14px;
      }
      .body {
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        margin: 0;
        max-height: 40vh;
        overflow: auto;
        background: var(--page);
        border-radius: var(--radius);
        padding: 12px;
      }
      .untrusted .body {
        border-inline-start: 3px solid var(--warn);
      }
      dl.facts {
        display: grid;
        grid-template-columns: max-content 1fr;
        gap: 4px 14px;
        margin: 0;
      }
      dl.facts dt {
        color: var(--text-soft);
      }
      dl.facts dd {
        margin: 0;
        overflow-wrap: anywhere;
        min-width: 0;
      }
      textarea {
        width: 100%;
        min-height: 7em;
        resize: vertical;
      }
      ol.timeline,
      ul.links {
        list-style: none;
        margin: 0;
        padding: 0;
      }
      ol.timeline li {
        position: relative;
        padding: 0 0 12px 22px;
        border-inline-start: 2px solid var(--line);
        margin-inline-start: 6px;
      }
      ol.timeline li:last-child {
        border-color: transparent;
        padding-bottom: 0;
      }
      ol.timeline li::before {
        content: '';
        position: absolute;
        left: -7px;
        top: 5px;
        width: 12px;
        height: 12px;
        box-sizing: border-box;
        border-radius: 50%;
        background: var(--surface);
        border: 2px solid var(--text-soft);
      }
      ol.timeline li.current::before {
        background: var(--good);
        border-color: var(--good);
      }
      ol.timeline .text {
        overflow-wrap: anywhere;
        display: -webkit-box;
        -webkit-line-clamp: 4;
        -webkit-box-orient: vertical;
        overflow: hidden;
      }
      ul.links li {
        display: grid;
        grid-template-columns: 130px 1fr;
        gap: 10px;
        padding: 4px 0;
        border-top: 1px solid var(--line);
      }
      .bar {
        display: grid;
        grid-template-columns: 130px 1fr 70px;
        gap: 10px;
        align-items: center;
      }
      .bar .track {
        background: var(--line);
        border-radius: 4px;
        height: 8px;
      }
      .bar .fill {
        background: var(--accent);
        border-radius: 4px;
        height: 8px;
      }
      .number {
        text-align: end;
        font-variant-numeric: tabular-nums;
      }
      .way {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 6px;
        align-items: center;
      }
      .warning {
        color: var(--bad);
      }
      @media (max-width: 720px) {
        car-fact-graph {
          display: none;
        }
      }
    `,
  ];

  override willUpdate(changed: PropertyValues<this>): void {
    const isAnother = changed.has('factId') && changed.get('factId') !== undefined;
    if (isAnother) {
      this.isEditing = false;
      this.problem = undefined;
      this.#known.value = undefined;
    }
    const { version } = memoryView.value;
    if (!isAnother && !changed.has('query') && !changed.has('place') && version === this.#version) return;
    this.#version = version;
    if (this.hasUpdated) void this.#known.refresh();
  }

  async #read(): Promise<Known> {
    const { memory } = await openMemory(this.place);
    const which = { fact_id: this.factId, ...this.#tenant };
    const [shown, around] = await Promise.all([
      memory.show(which),
      memory.neighbors({ ...which, limit: maxNeighbors }),
    ]);
    const [timeline, explained] = await Promise.all([
      memory.timeline({ key: shown.fact.subject, ...this.#tenant }),
      // A fact that the query never reaches cannot be explained.
      this.query ? memory.explain({ ...which, query: this.query }).catch(() => undefined) : undefined,
    ]);
    return { shown, around, timeline, explained };
  }

  get #tenant(): { tenant_id?: string } {
    return this.place.tenant ? { tenant_id: this.place.tenant } : {};
  }

  override render() {
    const { value, error } = this.#known;
    if (error) return failed('read this fact', error, () => void this.#known.refresh());
    if (!value) return loading('the fact');
    const { shown, around, timeline, explained } = value;
    const { fact } = shown;
    return html`
      <section class="stack ${fact.trust === 'untrusted' ? 'untrusted' : ''}" aria-label="The fact">
        ${badges(shown)}
        <h2>${plain(fact.subject)}</h2>
        ${this.isEditing ? this.#editor(shown) : html`<p class="body" tabindex="0" aria-label="What it says">${plain(fact.body)}</p>`}
        ${this.problem === undefined ? nothing : html`<div role="alert" class="warning">${plain(this.problem)}</div>`}
        ${this.isEditing ? nothing : this.#actions(shown)} ${provenance(shown)}
      </section>
      ${explained ? this.#why(explained, value) : nothing}
      <section aria-label="Around it">
        <h3>Around it</h3>
        ${
          around.neighbors.length === 0
            ? html`<p class="soft">Nothing is linked to it.</p>`
            : html`<car-fact-graph .graph=${around} .linkTo=${this.linkToFact}></car-fact-graph
                >${this.#links(around.neighbors, around.next !== undefined)}`
        }
      </section>
      <section aria-label="Timeline">
        <h3>Values of “${plain(fact.subject)}” over time</h3>
        <ol class="timeline">
          ${timeline.map((entry) => this.#entry(entry))}
        </ol>
      </section>
    `;
  }

  #actions({ fact, ended_at, needs_review }: Shown): TemplateResult | typeof nothing {
    if (ended_at !== undefined) return html`<p class="soft">It holds no longer, and cannot be edited.</p>`;
    return html`<div class="row">
      <button @click=${() => this.#edit(fact.body)}>Edit…</button>
      <button ?disabled=${this.isBusy} @click=${() => void this.#invalidate()}>No longer true…</button>
      ${
        needs_review
          ? html`<button class="primary" ?disabled=${this.isBusy} @click=${() => void this.#confirm()}>
              It stands as it is
            </button>`
          : nothing
      }
    </div>`;
  }

  #edit(body: string): void {
    this.draft = body;
    this.problem = undefined;
    this.isEditing = true;
    void this.updateComplete.then(() => this.renderRoot.querySelector('textarea')?.focus());
  }

  #editor({ fact }: Shown): TemplateResult {
    const isChanged = this.draft.trim() !== '' && this.draft !== fact.body;
    return html`<form class="stack" @submit=${(event: SubmitEvent) => this.#onSubmit(event, fact)}>
      <label class="stack"
        ><span class="soft">What holds instead</span
        ><textarea
          maxlength="1048576"
          .value=${this.draft}
          @input=${(event: InputEvent) => (this.draft = (event.target as HTMLTextAreaElement).value)}
          @keydown=${(event: KeyboardEvent) => event.key === 'Escape' && this.#leaveEditor()}
        ></textarea>
      </label>
      ${isChanged ? diffTable([{ name: 'change', lines: linesBetween(fact.body, this.draft) }]) : nothing}
      <div class="row">
        <button type="submit" class="primary" ?disabled=${!isChanged || this.isBusy}>Supersede…</button>
        <button type="button" @click=${() => this.#leaveEditor()}>Cancel</button>
      </div>
    </form>`;
  }

  #leaveEditor(): void {
    this.isEditing = false;
  }

  #onSubmit(event: SubmitEvent, fact: Shown['fact']): void {
    event.preventDefault();
    const body = this.draft;
    void this.#change(
      {
        title: 'Take the place of this fact?',
        text: 'The earlier value stays in the timeline, and is never presented as current again. What rests on it will need review.',
        action: 'Supersede',
      },
      async () => {
        const { memory } = await openMemory(this.place);
        await memory.add_fact({
          subject: fact.subject,
          body,
          kind: fact.kind,
          supersedes: this.factId,
          source: 'console',
          ...(fact.tags && { tags: fact.tags }),
          ...this.#tenant,
        });
        this.isEditing = false;
        await this.#goToCurrent(fact.subject);
      },
    );
  }

  /** The fact that took the place of this one has an id of its own. */
  async #goToCurrent(subject: string): Promise<void> {
    const { memory } = await openMemory(this.place);
    const entries = await memory.timeline({ key: subject, ...this.#tenant });
    const next = entries.find(({ fact_id }) => fact_id === this.factId)?.superseded_by;
    if (next !== undefined) location.hash = this.linkToFact(next);
  }

  async #invalidate(): Promise<void> {
    await this.#change(
      {
        title: 'Is it no longer true?',
        text: 'It ends, and nothing takes its place. It stays in the timeline; what rests on it will need review.',
        action: 'End it',
      },
      async () => {
        const { memory } = await openMemory(this.place);
        await memory.invalidate({ fact_id: this.factId, ...this.#tenant });
      },
    );
  }

  async #confirm(): Promise<void> {
    await this.#change(undefined, async () => {
      const { memory } = await openMemory(this.place);
      await memory.confirm({ fact_id: this.factId, ...this.#tenant });
    });
  }

  async #change(question: Parameters<typeof confirmed>[0] | undefined, make: () => Promise<void>): Promise<void> {
    if (question && !(await confirmed(question))) return;
    this.isBusy = true;
    this.problem = undefined;
    try {
      await make();
      await this.#known.refresh();
    } catch (error) {
      this.problem = (error as Error).message;
    } finally {
      this.isBusy = false;
    }
  }

  #why({ seeds, results }: Explained, { around, timeline, shown }: Known): TemplateResult | typeof nothing {
    const [result] = results;
    if (!result) return nothing;
    const subjects = new Map<string, string>([
      ...around.neighbors.map(({ fact }) => [fact.fact_id, fact.subject] as const),
      ...timeline.map((entry) => [entry.fact_id, entry.subject] as const),
      [this.factId, shown.fact.subject],
    ]);
    const terms = seeds.find(({ fact_id }) => fact_id === (result.path[0] ?? this.factId))?.terms ?? [];
    const most = Math.max(...Object.values(result.parts).map(Math.abs), Number.EPSILON);
    return html`<section aria-label="Why it was found">
      <h3>Why it was found for “${plain(this.query)}”</h3>
      <div class="stack">
        ${result.not_current ? html`<p class="warning">Not shown as current: ${plain(result.not_current)}</p>` : nothing}
        ${
          terms.length > 0
            ? html`<div class="way">
                <span class="soft">words</span
                >${terms.map((term) => html`<car-badge tone="accent">${plain(term)}</car-badge>`)}
              </div>`
            : nothing
        }
        ${
          result.path.length > 1
            ? html`<div class="way">
                <span class="soft">way</span>
                ${result.path.map(
                  (id, index) =>
                    html`${index > 0 ? html`<span aria-hidden="true">→</span>` : nothing}<a href=${this.linkToFact(id)}
                        >${plain(subjects.get(id) ?? id)}</a
                      >`,
                )}
              </div>`
            : nothing
        }
        <div role="list" aria-label="Parts of the score">
          ${Object.entries(result.parts).map(
            ([name, value]) =>
              html`<div class="bar" role="listitem">
                <span class="soft clip">${plain(name.replaceAll('_', ' '))}</span>
                <span class="track"
                  ><span
                    class="fill"
                    ${styled({ display: 'block', width: `${(Math.abs(value) / most) * 100}%` })}
                  ></span
                ></span>
                <span class="number mono">${value.toPrecision(3)}</span>
              </div>`,
          )}
        </div>
      </div>
    </section>`;
  }

  #links(neighbors: readonly Neighbor[], hasMore: boolean): TemplateResult {
    return html`<details>
      <summary>As a list (${neighbors.length}${hasMore ? ' and more' : ''})</summary>
      <ul class="links">
        ${neighbors.map(
          ({ fact, edge }) =>
            html`<li>
              <span class="soft">${edgeText(edge)}</span>
              <a class="clip" href=${this.linkToFact(fact.fact_id)}
                >${plain(fact.subject)}: ${plain(fact.body).slice(0, 200)}</a
              >
            </li>`,
        )}
      </ul>
    </details>`;
  }

  #entry(entry: Entry): TemplateResult {
    const { fact_id, body, at, ended_at, superseded_by, needs_review } = entry;
    const isCurrent = ended_at === undefined;
    return html`<li class=${isCurrent ? 'current' : ''} aria-current=${isCurrent ? 'true' : nothing}>
      <div class="text">
        ${fact_id === this.factId ? html`<strong>${plain(body)}</strong>` : html`<a href=${this.linkToFact(fact_id)}>${plain(body)}</a>`}
      </div>
      <div class="soft">
        ${dated(at)}${isCurrent ? ', holds' : html` to ${dated(ended_at)}`}${superseded_by ? ', superseded' : nothing}${needs_review ? ', needs review' : nothing}
      </div>
    </li>`;
  }
}

function badges({ fact, ended_at, superseded_by, needs_review }: Shown): TemplateResult {
  return html`<div class="row">
    ${
      ended_at === undefined
        ? html`<car-badge tone="good">holds</car-badge>`
        : html`<car-badge tone="soft">${superseded_by === undefined ? 'ended' : 'superseded'}</car-badge>`
    }
    ${trustBadge(fact)}
    ${fact.kind === 'constraint' ? html`<car-badge tone="accent">constraint</car-badge>` : html`<car-badge>${plain(fact.kind)}</car-badge>`}
    ${needs_review ? html`<car-badge tone="warn">needs review</car-badge>` : nothing}
  </div>`;
}

export function trustBadge({
  trust,
  origin,
}: Pick<Shown['fact'], 'trust' | 'origin'>): TemplateResult | typeof nothing {
  if (trust === undefined) return nothing;
  return trust === 'untrusted'
    ? html`<car-badge tone="warn">untrusted${origin ? `: ${plain(origin)}` : ''}</car-badge>`
    : html`<car-badge tone="soft">${origin ? `from ${plain(origin)}` : 'trusted'}</car-badge>`;
}

function provenance({ fact, at, ended_at, counters }: Shown): TemplateResult {
  const used = counters['usage_count'] ?? counters['usage'] ?? 0;
  const rows: readonly (readonly [string, TemplateResult | string])[] = [
    ['since', html`${dated(at)} <span class="soft">(${ago(at)})</span>`],
    ...(ended_at === undefined ? [] : ([['until', dated(ended_at)]] as const)),
    ...(fact.source === undefined ? [] : ([['source', plain(fact.source)]] as const)),
    ...(fact.run_id === undefined
      ? []
      : ([['run', html`<a href=${linkTo('run', fact.run_id)}>${plain(fact.run_id)}</a>`]] as const)),
    ...(fact.tags?.length ? ([['tags', plain(fact.tags.join(', '))]] as const) : []),
    ['confidence', plain(String(fact.confidence))],
    ...(used > 0 ? ([['shown', `${used} times`]] as const) : []),
    ['id', html`<span class="mono">${plain(fact.fact_id ?? '')}</span>`],
  ];
  return html`<dl class="facts">
    ${rows.map(
      ([name, text]) =>
        html`<dt>${name}</dt>
          <dd>${text}</dd>`,
    )}
  </dl>`;
}

function dated(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? plain(time) : date.toLocaleString(undefined, { hour12: false });
}

customElements.define('car-memory-fact', CarMemoryFact);
