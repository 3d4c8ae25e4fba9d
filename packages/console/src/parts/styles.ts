// What components share: the theme's properties reach into them by themselves, rules do not.
import { css } from 'lit';

export const controls = css`
  :host {
    box-sizing: border-box;
  }
  *,
  *::before,
  *::after {
    box-sizing: inherit;
  }
  a {
    color: var(--accent);
  }
  h1 {
    font-size: 20px;
    line-height: 1.3;
    margin: 0;
  }
  h2 {
    font-size: 15px;
    margin: 0;
  }
  button,
  .button {
    font: inherit;
    color: var(--text);
    background: var(--surface-raised);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    padding: 5px 12px;
    cursor: pointer;
  }
  button:hover:not(:disabled) {
    border-color: var(--accent);
  }
  button:disabled {
    opacity: 0.55;
    cursor: default;
  }
  button.primary {
    background: var(--accent);
    border-color: var(--accent);
    color: var(--page);
  }
  input,
  select,
  textarea {
    font: inherit;
    color: var(--text);
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    padding: 6px 10px;
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 2px;
  }
  .soft {
    color: var(--text-soft);
  }
  .mono {
    font-family: var(--mono);
    font-size: 12.5px;
  }
  .card {
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    padding: 14px 16px;
  }
  .row {
    display: flex;
    gap: var(--gap);
    align-items: center;
    flex-wrap: wrap;
  }
  .spread {
    justify-content: space-between;
  }
  .stack {
    display: flex;
    flex-direction: column;
    gap: var(--gap);
  }
  .clip {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    min-width: 0;
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`;

/** A view as high as the page, with a list that scrolls by itself. */
export const filled = css`
  :host {
    display: flex;
    flex-direction: column;
    gap: var(--gap);
    height: 100%;
  }
  car-virtual-list {
    flex: 1;
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--surface);
  }
`;

/** A list, and beside it (below it on a phone) what is chosen. */
export const listAndDetail = css`
  .panes {
    flex: 1;
    min-height: 0;
    display: grid;
    grid-template-columns: minmax(240px, 2fr) 3fr;
    gap: var(--gap);
  }
  .detail {
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--surface);
    overflow: auto;
    padding: 14px 16px;
  }
  @media (max-width: 720px) {
    .panes {
      grid-template-columns: 1fr;
      grid-template-rows: minmax(120px, 1fr) 2fr;
    }
  }
`;
