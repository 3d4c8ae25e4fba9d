// Where a prompt is written: Enter sends, Shift+Enter makes a line, Escape cancels the answer; images are pasted, dropped or picked.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { readImages, type AttachedImage } from './images.ts';
import { controls } from './styles.ts';
import { bytes } from './text.ts';

/** The daemon takes frames of 16 MiB; a prompt that long is a mistake. */
const maxPromptLength = 2_000_000;

export interface Composed {
  prompt: string;
  images: readonly AttachedImage[];
}

/** Fires `car-send` with what was composed, and `car-cancel`. */
export class CarChatComposer extends LitElement {
  static override properties = {
    isAnswering: { type: Boolean },
    takesImages: { type: Boolean },
    placeholder: {},
    refusal: {},
    images: { state: true },
    problems: { state: true },
    isDropping: { state: true },
  };
  declare isAnswering: boolean;
  declare takesImages: boolean;
  declare placeholder: string;
  /** Why nothing can be sent at this moment. */
  declare refusal: string | undefined;
  declare images: readonly AttachedImage[];
  declare problems: readonly string[];
  declare isDropping: boolean;

  constructor() {
    super();
    this.isAnswering = false;
    this.takesImages = true;
    this.placeholder = '';
    this.images = [];
    this.problems = [];
    this.isDropping = false;
  }

  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      form {
        border: 1px solid var(--line);
        border-radius: 12px;
        background: var(--surface);
        padding: 8px;
        display: flex;
        flex-direction: column;
        gap: 8px;
      }
      form.dropping {
        border-style: dashed;
        background: var(--accent-surface);
      }
      textarea {
        border: none;
        background: none;
        resize: none;
        field-sizing: content;
        min-height: 2.6em;
        max-height: 40vh;
        width: 100%;
        padding: 4px 6px;
      }
      .images {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }
      figure {
        margin: 0;
        display: flex;
        align-items: center;
        gap: 8px;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        padding: 4px 8px 4px 4px;
        max-width: 100%;
        font-size: 12px;
      }
      figure img {
        width: 40px;
        height: 40px;
        object-fit: cover;
        border-radius: 6px;
      }
      figure button {
        padding: 0 7px;
      }
      .hint {
        flex: 1;
        font-size: 12px;
        min-width: 0;
      }
      .problem {
        color: var(--bad);
      }
      @media (max-width: 720px) {
        .hint {
          visibility: hidden;
        }
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#clearImages();
  }

  override focus(): void {
    void this.updateComplete.then(() => this.#text.focus());
  }

  get #text(): HTMLTextAreaElement {
    return this.renderRoot.querySelector('textarea') as HTMLTextAreaElement;
  }

  override render(): TemplateResult {
    return html`<form
      class=${this.isDropping ? 'dropping' : ''}
      @submit=${this.#onSubmit}
      @dragover=${this.#onDragOver}
      @dragleave=${() => (this.isDropping = false)}
      @drop=${this.#onDrop}
    >
      ${
        this.images.length === 0
          ? nothing
          : html`<div class="images" role="list" aria-label="Attached images">${this.images.map(this.#image)}</div>`
      }
      <textarea
        rows="1"
        aria-label="Prompt"
        maxlength=${maxPromptLength}
        placeholder=${this.placeholder}
        @keydown=${this.#onKey}
        @paste=${this.#onPaste}
      ></textarea>
      ${this.problems.map((problem) => html`<div class="problem" role="alert">${problem}</div>`)}
      <div class="row">
        ${
          this.takesImages
            ? html`<button type="button" @click=${this.#pick}>Add image</button
                ><input
                  type="file"
                  multiple
                  hidden
                  accept="image/png,image/jpeg,image/gif,image/webp"
                  @change=${this.#onPicked}
                />`
            : nothing
        }
        <span class="hint soft clip"
          >${this.refusal ?? 'Enter sends · Shift+Enter for a new line · Escape cancels'}</span
        >
        ${
          this.isAnswering
            ? html`<button type="button" @click=${this.#cancel}>Cancel</button>`
            : html`<button class="primary" ?disabled=${this.refusal !== undefined}>Send</button>`
        }
      </div>
    </form>`;
  }

  readonly #image = ({ id, url, name, bytes: size }: AttachedImage): TemplateResult =>
    html`<figure role="listitem">
      <img src=${url} alt="" />
      <figcaption class="clip">${name} <span class="soft">${bytes(size)}</span></figcaption>
      <button type="button" aria-label="Remove ${name}" @click=${() => this.#remove(id)}>×</button>
    </figure>`;

  #remove(id: string): void {
    for (const image of this.images) if (image.id === id) URL.revokeObjectURL(image.url);
    this.images = this.images.filter((image) => image.id !== id);
    this.focus();
  }

  #clearImages(): void {
    for (const { url } of this.images) URL.revokeObjectURL(url);
    this.images = [];
  }

  readonly #onSubmit = (event: Event): void => {
    event.preventDefault();
    this.#send();
  };

  #send(): void {
    const prompt = this.#text.value;
    if (this.isAnswering || this.refusal !== undefined || (prompt.trim() === '' && this.images.length === 0)) return;
    const detail: Composed = { prompt, images: this.images };
    this.dispatchEvent(new CustomEvent('car-send', { detail }));
    this.#text.value = '';
    this.problems = [];
    this.#clearImages();
  }

  #cancel(): void {
    this.dispatchEvent(new CustomEvent('car-cancel'));
    this.focus();
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    // Enter while a word is composed picks the word.
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === 'Escape' && this.isAnswering) {
      event.preventDefault();
      this.#cancel();
    }
  };

  readonly #onPaste = (event: ClipboardEvent): void => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0 || !this.takesImages) return;
    event.preventDefault();
    void this.#attach(files);
  };

  readonly #onDragOver = (event: DragEvent): void => {
    if (!this.takesImages || !event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    this.isDropping = true;
  };

  readonly #onDrop = (event: DragEvent): void => {
    this.isDropping = false;
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    // Without this the browser leaves the page for the file.
    event.preventDefault();
    if (this.takesImages) void this.#attach(files);
  };

  #pick(): void {
    this.renderRoot.querySelector<HTMLInputElement>('input[type=file]')?.click();
  }

  readonly #onPicked = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    input.value = '';
    void this.#attach(files);
  };

  async #attach(files: readonly File[]): Promise<void> {
    const { images, problems } = await readImages(files, this.images);
    this.images = [...this.images, ...images];
    this.problems = problems;
    this.focus();
  }
}

customElements.define('car-chat-composer', CarChatComposer);
