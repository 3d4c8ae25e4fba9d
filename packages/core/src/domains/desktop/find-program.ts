import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** Where a program is. Folders of `PATH` that are not absolute are passed over: they would be the daemon's own. */
export function findProgram(name: string, path: string | undefined = process.env['PATH']): string | undefined {
  for (const folder of (path ?? '').split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const program = join(folder, process.platform === 'win32' ? `${name}.exe` : name);
    try {
      accessSync(program, constants.X_OK);
      return program;
    } catch {
      // Not in this one.
    }
  }
  return undefined;
}
