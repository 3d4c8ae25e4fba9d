// The line that a person types in a chat: history, pastes of several lines, single keys, and Ctrl-C.
import { createInterface, type Interface, type Key } from 'node:readline';
import { Writable } from 'node:stream';

const startsPastes = '\u001B[?2004h';
const endsPastes = '\u001B[?2004l';

export interface EditorEvents {
  /** Enter, with all lines of a paste before it. */
  onPrompt(text: string): void;
  /** Ctrl-C on an empty line, or while nothing is asked for. */
  onInterrupt(): void;
  /** Ctrl-D. */
  onEnd(): void;
  /** A key while `isAskingKey`. */
  onKey(key: string): void;
}

export class ChatEditor implements Disposable {
  isAskingKey = false;
  readonly #readline: Interface;
  readonly #events: EditorEvents;
  readonly #prompt: string;
  readonly #onKey: (text: string | undefined, key: Key) => void;
  #isPasting = false;
  #pasted: string[] = [];
  /** What is typed is shown only while a prompt is asked for; it is kept for the next one. */
  #isShown = false;

  constructor(prompt: string, events: EditorEvents) {
    this.#prompt = prompt;
    this.#events = events;
    this.#readline = createInterface({
      input: process.stdin,
      output: this.#output(),
      terminal: true,
      prompt,
      historySize: 200,
      removeHistoryDuplicates: true,
    });
    this.#onKey = (text, key) => this.#key(text, key);
    process.stdin.on('keypress', this.#onKey);
    process.stdout.write(startsPastes);
    this.#readline.on('line', (line) => this.#line(line));
    this.#readline.on('SIGINT', () => this.#interrupt());
    this.#readline.on('close', () => events.onEnd());
  }

  /** Asks for the next prompt; what was typed meanwhile is there already. */
  ask(): void {
    this.#isShown = true;
    this.#readline.setPrompt(this.#prompt);
    this.#readline.prompt(true);
  }

  hide(): void {
    this.#isShown = false;
  }

  [Symbol.dispose](): void {
    process.stdin.off('keypress', this.#onKey);
    process.stdout.write(endsPastes);
    this.#readline.removeAllListeners('close');
    this.#readline.close();
  }

  #line(line: string): void {
    this.#pasted.push(line);
    if (this.#isPasting) {
      this.#readline.setPrompt('… ');
      if (this.#isShown) this.#readline.prompt();
      return;
    }
    const text = this.#pasted.join('\n');
    this.#pasted = [];
    this.#events.onPrompt(text);
  }

  #interrupt(): void {
    const isEmpty = this.#readline.line === '' && this.#pasted.length === 0;
    this.#pasted = [];
    if (!this.#isShown || isEmpty) {
      this.#events.onInterrupt();
      return;
    }
    this.#readline.write(null, { ctrl: true, name: 'e' });
    this.#readline.write(null, { ctrl: true, name: 'u' });
    process.stdout.write('\n');
    this.ask();
  }

  #key(text: string | undefined, { name }: Key): void {
    if (name === 'paste-start') this.#isPasting = true;
    else if (name === 'paste-end') this.#isPasting = false;
    else if (this.isAskingKey && !this.#isPasting && text !== undefined && /^[a-z]$/i.test(text)) {
      // It answers a question, and is no part of the next prompt.
      this.#readline.write(null, { name: 'backspace' });
      this.#events.onKey(text.toLowerCase());
    }
  }

  #output(): Writable {
    const output = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        // At once: what waits here would be dropped with what is typed later.
        if (this.#isShown) process.stdout.write(chunk);
        done();
      },
    });
    return Object.defineProperty(output, 'columns', { get: () => process.stdout.columns });
  }
}
