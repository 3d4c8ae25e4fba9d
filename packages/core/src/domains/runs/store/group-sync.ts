import { open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Brings a file to the medium. Whoever asks while a flush is under way shares the next one, so that a busy file is flushed
 *  once for many writes. */
export class GroupSync {
  readonly #path: string;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #isKnownToFolder = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves when everything written before the call is on the medium. */
  sync(): Promise<void> {
    this.#next ??= this.#startAfter(this.#running);
    return this.#next;
  }

  async #startAfter(running: Promise<void> | undefined): Promise<void> {
    // The failure is told to those who waited for that flush.
    await running?.catch(() => undefined);
    // Whatever is written from here on needs another.
    this.#running = this.#next;
    this.#next = undefined;
    await this.#flush();
  }

  /** A new file's name is in its folder, which has to be flushed too. */
  async #flush(): Promise<void> {
    await using file = await open(this.#path, 'r+');
    await file.datasync();
    if (this.#isKnownToFolder || process.platform === 'win32') return;
    await using folder = await open(dirname(this.#path), 'r');
    await folder.sync();
    this.#isKnownToFolder = true;
  }
}
