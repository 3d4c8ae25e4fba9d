import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own for one test, removed with it. Its path is short: a Unix socket's may have 107 bytes. */
export class TempFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'car-'));

  join(...names: string[]): string {
    return join(this.path, ...names);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
