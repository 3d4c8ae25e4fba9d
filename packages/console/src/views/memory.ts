// What agents know: searched, looked into, and corrected.
import type { BrowsedFact, FactRow, MemoryChange, MemoryScope } from '@car-runtime/protocol';
import type { MethodResult } from '@car-runtime/client';
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import { client } from '../connection.ts';
import '../parts/badge.ts';
import { confirmed } from '../parts/confirm.ts';
import { diffStyles, diffTable, linesBetween } from '../parts/diff.ts';
import { empty, failed, loading } from '../parts/states.ts';
import { controls, filled, listAndDetail } from '../parts/styles.ts';
import { ago, plain } from '../parts/text.ts';
import { listStyles } from '../parts/virtual-list.ts';
import { linkTo } from '../router.ts';
import { Loaded } from '../store/loaded.ts';
import { memoryView, openMemory, type MemoryPlace } from '../store/memory-feed.ts';
import { renderOn } from '../store/store.ts';
import { trustBadge } from './memory-fact.ts';

type Candidate = MethodResult<'memory.candidates'>[number];
type Tab = 'facts' | 'candidates' | 'changes';

const maxFound = 100;
const pageSize = 200;
/** Facts that are listed without a search. */
const maxListed = 5_000;
const rowHeight = 58;
const typingMs = 250;

/** What a page of facts says of them besides, a search does not. */
type ListedFact = FactRow & Partial<Pick<BrowsedFact, 'at' | 'ended_at' | 'needs_review'>>;

interface Found {
  facts: readonly ListedFact[];
  next: string | undefined;
}

export class CarMemory extends LitElement {
  static override properties = {
    factId: {},
    query: { attribute: false },
    tab: { state: true },
    includeEnded: { state: true },
    needsReview: { state: true },
    problem: { state: true },
  };
  declare factId: string | undefined;
  /** Behind the address: `q`, `namespace`, `agent`, `tenant`. */
  declare query: URLSearchParams;
  declare tab: Tab;
  declare includeEnded: boolean;
  declare needsReview: boolean;
  declare problem: string | undefined;
  readonly #left = new Set<string>();
  #version = 0;
  #typing: ReturnType<typeof setTimeout> | undefined;
  readonly #found = new Loaded<Found>(this, () => this.#find());
  readonly #scopes = new Loaded(this, () => client().memory.scopes());
  readonly #candidates = new Loaded<Candidate[]>(this, () => this.#readCandidates());

  constructor() {
    super();
    this.query = new URLSearchParams();
    this.tab = 'facts';
    this.includeEnded = false;
    this.needsReview = false;
    renderOn(this, memoryView);
  }

  static override styles = [
    controls,
    filled,
    listAndDetail,
    listStyles,
    diffStyles,
    css`
      .fact {
        display: grid;
        grid-template-columns: 1fr auto;
        align-content: center;
        gap: 0 10px;
        padding: 0 12px;
        border-bottom: 1px solid var(--line);
        color: inherit;
        text-decoration: none;
        min-width: 0;
      }
      .fact:hover {
        background: var(--page);
      }
      .fact[aria-current] {
        background: var(--accent-surface);
      }
      .fact:focus-visible {
        outline-offset: -2px;
      }
      .fact .second {
        grid-column: 1 / -1;
        font-size: 12.5px;
      }
      .fact.ended .clip {
        text-decoration: line-through;
        text-decoration-color: var(--text-soft);
      }
      .strong {
        font-weight: 600;
      }
      .search {
        flex: 1 1 260px;
        display: flex;
      }
      .search input {
        flex: 1;
        min-width: 0;
      }
      .places input {
        width: 9em;
      }
      select {
        max-width: 16em;
      }
      button[aria-pressed='true'] {
        background: var(--accent-surface);
        border-color: var(--accent);
        color: var(--accent);
        font-weight: 600;
      }
      .list {
        display: flex;
        flex-direction: column;
        gap: 8px;
        min-height: 0;
      }
      .others {
        overflow: auto;
      }
      .change {
        display: grid;
        grid-template-columns: 90px 100px 1fr;
        gap: 10px;
        padding: 6px 0;
        border-top: 1px solid var(--line);
      }
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
      }
      @media (max-width: 720px) {
        .change {
          grid-template-columns: 1fr auto;
        }
        .change > :last-child {
          grid-column: 1 / -1;
        }
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#typing);
  }

  get #text(): string {
    return this.query.get('q') ?? '';
  }

  get #place(): MemoryPlace {
    const [namespace, agent] = [this.query.get('namespace'), this.query.get('agent')];
    const scope: MemoryScope =
      namespace !== null
        ? { kind: 'namespace', name: namespace }
        : agent !== null
          ? { kind: 'agent', name: agent }
          : { kind: 'own' };
    return { scope, tenant: this.query.get('tenant') ?? '' };
  }

  get #tenant(): { tenant_id?: string } {
    const { tenant } = this.#place;
    return tenant ? { tenant_id: tenant } : {};
  }

  #asked = '';

  override willUpdate(changed: PropertyValues<this>): void {
    const { version } = memoryView.value;
    const asked = JSON.stringify([this.#text, this.#place, this.includeEnded, this.needsReview]);
    if (asked === this.#asked && version === this.#version) return;
    const isOther = asked !== this.#asked;
    this.#asked = asked;
    this.#version = version;
    if (isOther) this.#found.value = undefined;
    if (!this.hasUpdated) return;
    void this.#found.refresh();
    void this.#candidates.refresh();
    if (changed.has('query')) void this.#scopes.refresh();
  }

  async #find(): Promise<Found> {
    const { memory } = await openMemory(this.#place);
    const text = this.#text.trim();
    if (text !== '')
      return { facts: await memory.query({ query: text, k: maxFound, ...this.#tenant }), next: undefined };
    const facts: BrowsedFact[] = [];
    let next: string | undefined;
    // As many as were there before: a change elsewhere must not take away what somebody is reading.
    const wanted = Math.max(pageSize, this.#found.value?.facts.length ?? 0);
    do {
      const page: MethodResult<'memory.list'> = await memory.list({
        limit: pageSize,
        include_ended: this.includeEnded,
        needs_review: this.needsReview,
        ...(next !== undefined && { after: next }),
        ...this.#tenant,
      });
      facts.push(...page.facts);
      next = page.next;
    } while (next !== undefined && facts.length < Math.min(wanted, maxListed));
    return { facts, next };
  }

  async #more(): Promise<void> {
    const { value } = this.#found;
    if (value?.next === undefined) return;
    const { memory } = await openMemory(this.#place);
    const page = await memory.list({
      limit: pageSize,
      include_ended: this.includeEnded,
      needs_review: this.needsReview,
      after: value.next,
      ...this.#tenant,
    });
    if (this.#found.value !== value) return;
    this.#found.value = { facts: [...value.facts, ...page.facts], next: page.next };
    this.requestUpdate();
  }

  async #readCandidates(): Promise<Candidate[]> {
    const { memory } = await openMemory(this.#place);
    return await memory.candidates({ limit: 50, ...this.#tenant });
  }

  /** The address with some of it changed. */
  #address(changes: Readonly<Record<string, string>>, factId = this.factId): string {
    const query = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries(changes)) {
      if (value === '') query.delete(name);
      else query.set(name, value);
    }
    const path = factId === undefined ? linkTo('memory') : linkTo('memory', factId);
    return query.size === 0 ? path : `${path}?${query}`;
  }

  readonly #linkToFact = (factId: string): string => this.#address({}, factId);

  override render() {
    const { value: found, error } = this.#found;
    const waiting = this.#shownCandidates.length;
    return html`
      <div class="row spread">
        <h1>Memory</h1>
        ${this.#places()}
      </div>
      <div class="row">
        <div class="search">
          <input
            type="search"
            aria-label="Search memory"
            placeholder="Search what agents know"
            .value=${this.#text}
            @input=${this.#onSearch}
          />
        </div>
        <div class="row" role="group" aria-label="Which">
          ${this.#tab('facts', 'Facts')}
          ${this.#tab('candidates', waiting > 0 ? `Candidates (${waiting})` : 'Candidates')}
          ${this.#tab('changes', 'Changes')}
        </div>
      </div>
      ${this.tab === 'facts' && this.#text.trim() === '' ? this.#filters() : nothing}
      ${
        error
          ? failed('read this memory', error, () => void this.#found.refresh())
          : !found
            ? loading('the memory')
            : this.#panes(found)
      }
    `;
  }

  #places(): TemplateResult {
    const { scope, tenant } = this.#place;
    const known = this.#scopes.value?.scopes ?? [];
    const chosen = scope.kind === 'own' ? '' : `${scope.kind}:${scope.name ?? ''}`;
    const isKnown = scope.kind === 'own' || known.some(({ kind, name }) => `${kind}:${name ?? ''}` === chosen);
    const options = isKnown ? known : [scope, ...known];
    return html`<div class="row places">
      <label class="row"
        ><span class="soft">of</span>
        <select @change=${(event: Event) => this.#goTo((event.target as HTMLSelectElement).value)}>
          <option value="" ?selected=${chosen === ''}>everybody (shared)</option>
          ${options.map(({ kind, name = '' }) => {
            const value = `${kind}:${name}`;
            return html`<option value=${value} ?selected=${value === chosen}>${kind} ${plain(name)}</option>`;
          })}
        </select>
      </label>
      <label class="row"
        ><span class="soft">tenant</span
        ><input
          maxlength="256"
          placeholder="none"
          .value=${tenant}
          @change=${(event: Event) => {
            location.hash = this.#address({ tenant: (event.target as HTMLInputElement).value.trim() }, undefined);
          }}
      /></label>
    </div>`;
  }

  #goTo(value: string): void {
    const at = value.indexOf(':');
    const [kind, name] = [value.slice(0, at), value.slice(at + 1)];
    const query = new URLSearchParams(this.query);
    query.delete('namespace');
    query.delete('agent');
    if (kind === 'namespace' || kind === 'agent') query.set(kind, name);
    location.hash = query.size === 0 ? linkTo('memory') : `${linkTo('memory')}?${query}`;
  }

  #filters(): TemplateResult {
    const box = (label: string, isOn: boolean, set: (isOn: boolean) => void): TemplateResult =>
      html`<label class="row"
        ><input
          type="checkbox"
          .checked=${isOn}
          @change=${(event: Event) => set((event.target as HTMLInputElement).checked)}
        />${label}</label
      >`;
    return html`<div class="row">
      ${box('with what holds no longer', this.includeEnded, (isOn) => (this.includeEnded = isOn))}
      ${box('only what needs review', this.needsReview, (isOn) => (this.needsReview = isOn))}
    </div>`;
  }

  #tab(name: Tab, label: string): TemplateResult {
    return html`<button aria-pressed=${this.tab === name} @click=${() => (this.tab = name)}>${label}</button>`;
  }

  readonly #onSearch = (event: InputEvent): void => {
    const text = (event.target as HTMLInputElement).value;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => location.replace(this.#address({ q: text })), typingMs);
  };

  #panes(found: Found): TemplateResult {
    const chosen = this.factId ?? found.facts[0]?.fact_id ?? undefined;
    return html`<div class="panes">
      <div class="list">
        ${this.tab === 'facts' ? this.#facts(found, chosen) : this.tab === 'candidates' ? this.#candidateList() : this.#changes()}
      </div>
      <div class="detail" tabindex="-1" role="region" aria-label="Fact">
        ${
          chosen === undefined
            ? html`<p class="soft">Choose a fact to see where it comes from and what it rests on.</p>`
            : keyed(
                chosen,
                html`<car-memory-fact
                  .factId=${chosen}
                  .place=${this.#place}
                  .query=${this.#text.trim()}
                  .linkToFact=${this.#linkToFact}
                ></car-memory-fact>`,
              )
        }
      </div>
    </div>`;
  }

  #facts({ facts, next }: Found, chosen: string | undefined): TemplateResult {
    if (facts.length === 0) {
      if (this.#text.trim() !== '') return empty('Nothing found', 'No fact of this memory has to do with these words.');
      if (this.needsReview) return empty('Nothing needs review', 'Facts whose ground has changed are listed here.');
      return empty(
        'Nothing is remembered yet',
        html`What agents add with <code>memory.add_fact</code>, and <code>car memory add</code>, shows up here.`,
      );
    }
    return html`<car-virtual-list
        label="Facts"
        .items=${facts}
        .rowHeight=${rowHeight}
        .key=${(fact: FactRow, index: number) => fact.fact_id ?? index}
        .row=${(fact: ListedFact) => this.#row(fact, chosen)}
      ></car-virtual-list>
      ${next === undefined ? nothing : html`<button @click=${() => void this.#more()}>Show more</button>`}`;
  }

  #row(fact: ListedFact, chosen: string | undefined): TemplateResult {
    const { fact_id: id, subject, body, ended_at, at, score, needs_review, kind } = fact;
    return html`<a
      class="fact ${ended_at === undefined ? '' : 'ended'}"
      href=${this.#linkToFact(id ?? '')}
      aria-current=${id === chosen ? 'true' : nothing}
    >
      <span class="clip strong">${plain(subject)}</span>
      <span class="row">
        ${needs_review ? html`<car-badge tone="warn">review</car-badge>` : nothing}
        ${kind === 'constraint' ? html`<car-badge tone="accent">constraint</car-badge>` : nothing}
        ${fact.trust === 'untrusted' ? trustBadge(fact) : nothing}
        ${score === undefined ? nothing : html`<span class="soft mono" title="score">${score.toFixed(2)}</span>`}
      </span>
      <span class="soft clip second"
        >${plain(body).slice(0, 300)}${at === undefined ? nothing : html` · ${ago(at)}`}</span
      >
    </a>`;
  }

  /** Those that nobody has put aside here. */
  get #shownCandidates(): readonly Candidate[] {
    return (this.#candidates.value ?? []).filter((each) => !this.#left.has(keyOf(each)));
  }

  #candidateList(): TemplateResult {
    const { error } = this.#candidates;
    const shown = this.#shownCandidates;
    if (error) return failed('read the candidates', error, () => void this.#candidates.refresh());
    if (shown.length === 0)
      return empty(
        'No unmarked corrections',
        'When a later fact seems to correct an earlier one that nobody superseded, it is proposed here. Nothing is applied by itself.',
      );
    return html`<div class="others stack">
      ${this.problem === undefined ? nothing : html`<div role="alert">${plain(this.problem)}</div>`}
      ${shown.map((candidate) => this.#candidate(candidate))}
    </div>`;
  }

  #candidate(candidate: Candidate): TemplateResult {
    const { older, newer, older_text, newer_text, confidence, reason } = candidate;
    return html`<article class="card stack" aria-label="Candidate">
      <div class="row spread">
        <span class="soft">${plain(reason)}</span>
        <car-badge tone="accent">${Math.round(confidence * 100)} %</car-badge>
      </div>
      ${diffTable([{ name: 'value', lines: linesBetween(older_text, newer_text) }])}
      <div class="row">
        <button @click=${() => void this.#accept(candidate)}>It is a correction…</button>
        <button @click=${() => this.#leave(candidate)}>Leave it</button>
        <a href=${this.#linkToFact(older)}>earlier</a>
        <a href=${this.#linkToFact(newer)}>later</a>
      </div>
    </article>`;
  }

  #leave(candidate: Candidate): void {
    this.#left.add(keyOf(candidate));
    this.requestUpdate();
  }

  /** The later one is said again, as what takes the place of both. */
  async #accept(candidate: Candidate): Promise<void> {
    const isSure = await confirmed({
      title: 'Take it as a correction?',
      text: 'The later value takes the place of the earlier one, which stays in the timeline.',
      action: 'Supersede',
    });
    if (!isSure) return;
    this.problem = undefined;
    try {
      const { memory } = await openMemory(this.#place);
      const { fact } = await memory.show({ fact_id: candidate.newer, ...this.#tenant });
      await memory.add_fact({
        subject: fact.subject,
        body: fact.body,
        kind: fact.kind,
        supersedes: candidate.older,
        source: 'console',
        ...(fact.tags && { tags: fact.tags }),
        ...(fact.origin === 'tool' || fact.origin === 'web' ? { origin: fact.origin } : {}),
        ...this.#tenant,
      });
      await memory.invalidate({ fact_id: candidate.newer, ...this.#tenant });
      await Promise.all([this.#candidates.refresh(), this.#found.refresh()]);
    } catch (error) {
      this.problem = (error as Error).message;
    }
  }

  #changes(): TemplateResult {
    const { changes } = memoryView.value;
    if (changes.length === 0)
      return empty('Nothing has changed', 'What is added, superseded or ended while this page is open is listed here.');
    return html`<ul class="others" aria-label="Changes">
      ${changes.map((change) => this.#change(change))}
    </ul>`;
  }

  #change({ kind, fact, missed }: MemoryChange): TemplateResult {
    return html`<li class="change">
      <car-badge tone=${kind === 'added' ? 'good' : kind === 'gap' || kind === 'reset' ? 'warn' : 'soft'}
        >${kind}</car-badge
      >
      <span class="soft clip">${fact ? plain(fact.kind) : missed === undefined ? '' : `${missed} not told`}</span>
      ${
        fact
          ? html`<a class="clip" href=${this.#linkToFact(fact.fact_id ?? '')}
              >${plain(fact.subject)}: ${plain(fact.body).slice(0, 200)}</a
            >`
          : html`<span></span>`
      }
    </li>`;
  }
}

function keyOf({ older, newer }: Candidate): string {
  return JSON.stringify([older, newer]);
}

customElements.define('car-memory', CarMemory);
