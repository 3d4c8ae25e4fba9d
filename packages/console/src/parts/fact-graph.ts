// What a fact is linked to, around it: each neighbor a link, so that keys and screen readers get there as well.
import type { MethodResult } from '@car-runtime/client';
import { css, html, LitElement, nothing, svg, type SVGTemplateResult } from 'lit';
import { controls } from './styles.ts';
import { plain } from './text.ts';

type Neighborhood = MethodResult<'memory.neighbors'>;
export type Neighbor = Neighborhood['neighbors'][number];

const width = 680;
const height = 380;
const boxWidth = 150;
const boxHeight = 44;
const innerRing = 8;
/** Beyond these the list goes on. */
export const maxDrawn = 20;

/** How an edge reads from the fact in the middle. */
export function edgeText({ kind, direction }: Neighbor['edge']): string {
  const [out, into] = edgeTexts[kind];
  return direction === 'in' ? into : out;
}

const edgeTexts: Readonly<Record<Neighbor['edge']['kind'], readonly [out: string, into: string]>> = {
  triggers: ['triggers', 'triggered by'],
  defined_in: ['defined in', 'defines'],
  calls: ['calls', 'called by'],
  cites_premise: ['rests on', 'is a premise of'],
  depends_on: ['depends on', 'needed by'],
  related_to: ['related to', 'related to'],
  temporal_next: ['followed by', 'follows'],
  imports: ['imports', 'imported by'],
  supersedes: ['took the place of', 'superseded by'],
};

interface Placed {
  neighbor: Neighbor;
  x: number;
  y: number;
}

/** Around in one or two rings, the first at the top. Nothing moves by itself. */
export function placed(neighbors: readonly Neighbor[]): Placed[] {
  const drawn = neighbors.slice(0, maxDrawn);
  const inner = drawn.length <= innerRing ? drawn : drawn.slice(0, innerRing);
  const outer = drawn.slice(inner.length);
  return [...ring(inner, outer.length > 0 ? 0.62 : 0.9, 0), ...ring(outer, 1, 0.5)];
}

function ring(neighbors: readonly Neighbor[], share: number, turn: number): Placed[] {
  return neighbors.map((neighbor, index) => {
    const angle = ((index + turn) / neighbors.length) * 2 * Math.PI - Math.PI / 2;
    return {
      neighbor,
      x: width / 2 + Math.cos(angle) * share * (width - boxWidth) * 0.5,
      y: height / 2 + Math.sin(angle) * share * (height - boxHeight) * 0.48,
    };
  });
}

export class CarFactGraph extends LitElement {
  static override properties = { graph: { attribute: false }, linkTo: { attribute: false } };
  declare graph: Neighborhood;
  declare linkTo: (factId: string) => string;

  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      svg {
        width: 100%;
        max-width: ${width}px;
        display: block;
        margin-inline: auto;
      }
      line {
        stroke: var(--text-soft);
        stroke-opacity: 0.6;
      }
      line.strong {
        stroke: var(--accent);
        stroke-opacity: 1;
      }
      line.ended {
        stroke-dasharray: 4 4;
      }
      rect {
        fill: var(--surface-raised);
        stroke: var(--line);
      }
      a:hover rect,
      a:focus-visible rect {
        stroke: var(--accent);
        stroke-width: 2;
      }
      a:focus-visible {
        outline: 2px solid var(--accent);
        outline-offset: 1px;
      }
      .middle rect {
        fill: var(--accent-surface);
        stroke: var(--accent);
      }
      .ended rect {
        stroke-dasharray: 4 3;
      }
      text {
        fill: var(--text);
        font-size: 12px;
        text-anchor: middle;
      }
      text.soft {
        fill: var(--text-soft);
        font-size: 11px;
      }
    `,
  ];

  override render() {
    if (!this.graph) return nothing;
    const { fact, neighbors } = this.graph;
    const around = placed(neighbors);
    return html`<svg viewBox="0 0 ${width} ${height}" role="group" aria-label="Facts around this one">
      ${around.map(({ neighbor, x, y }) => edge(neighbor, x, y))} ${around.map((each) => this.#node(each))}
      <g class="middle" role="img" aria-label=${`This fact: ${plain(fact.subject)}`}>
        ${box(width / 2, height / 2)}${label(width / 2, height / 2, fact.subject, fact.body)}
      </g>
    </svg>`;
  }

  #node({ neighbor, x, y }: Placed): SVGTemplateResult {
    const { fact, edge: link } = neighbor;
    // It begins with what stands there, for people who say what they see.
    const name = `${short(fact.subject)} ${edgeText(link)}: ${plain(fact.subject)}, ${plain(fact.body).slice(0, 200)}`;
    return svg`<a href=${this.linkTo(fact.fact_id)} aria-label=${name} class=${fact.ended_at === undefined ? '' : 'ended'}>
      <title>${name}</title>
      ${box(x, y)}${label(x, y, fact.subject, edgeText(link))}
    </a>`;
  }
}

function edge({ edge: { kind }, fact }: Neighbor, x: number, y: number): SVGTemplateResult {
  const isStrong = kind !== 'related_to' && kind !== 'temporal_next';
  return svg`<line
    class="${isStrong ? 'strong' : ''} ${fact.ended_at === undefined ? '' : 'ended'}"
    x1=${width / 2} y1=${height / 2} x2=${x} y2=${y}></line>`;
}

function box(x: number, y: number): SVGTemplateResult {
  return svg`<rect x=${x - boxWidth / 2} y=${y - boxHeight / 2} width=${boxWidth} height=${boxHeight} rx="8"></rect>`;
}

function label(x: number, y: number, first: string, second: string): SVGTemplateResult {
  return svg`<text x=${x} y=${y - 3} aria-hidden="true">${short(first)}</text>
    <text class="soft" x=${x} y=${y + 13} aria-hidden="true">${short(second)}</text>`;
}

const maxLabelChars = 21;

function short(text: string): string {
  const whole = Array.from(plain(text.replaceAll(/\s+/g, ' ')));
  return whole.length <= maxLabelChars ? whole.join('') : `${whole.slice(0, maxLabelChars - 1).join('')}…`;
}

customElements.define('car-fact-graph', CarFactGraph);
