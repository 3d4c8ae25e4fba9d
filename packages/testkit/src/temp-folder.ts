import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own for one test, removed with it. Its path is short: a Unix socket's may have 107 bytes. */
export class TempFolder implements Disposable {
  readonly path: string;

  constructor(parent: string = tmpdir()) {
    this.path = mkdtempSync(join(parent, 'car-'));
  }

  join(...names: string[]): string {
    return join(this.path, ...names);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A folder of its own for programs that agents may be: not one in which anybody may write, wherever the tests are. */
export function programFolder(): TempFolder {
  const parents = [process.cwd(), homedir(), '/opt', '/srv'];
  const parent = parents.find((path) => !/^(\/private)?\/(var\/)?tmp(\/|$)|^\/dev\/shm/.test(path) && isWritable(path));
  if (parent === undefined) throw new Error(`No folder for programs: none of ${parents.join(', ')} will do`);
  return new TempFolder(parent);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
