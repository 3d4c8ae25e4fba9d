// What a view shows instead of its content: while it loads, when there is nothing, when something went wrong.
import { html, type TemplateResult } from 'lit';
import { plain } from './text.ts';

export function loading(what: string): TemplateResult {
  return html`<p class="soft" role="status">Loading ${what}…</p>`;
}

export function empty(title: string, hint: string | TemplateResult): TemplateResult {
  return html`<div class="card stack" role="status">
    <h2>${title}</h2>
    <div class="soft">${hint}</div>
  </div>`;
}

export function failed(what: string, error: unknown, retry?: () => void): TemplateResult {
  const message = plain(error instanceof Error ? error.message : String(error));
  return html`<div class="card stack" role="alert">
    <h2>Could not ${what}</h2>
    <div class="soft">${message}</div>
    ${retry ? html`<div><button @click=${retry}>Try again</button></div>` : ''}
  </div>`;
}
