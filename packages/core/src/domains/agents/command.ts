// Which program an agent may be (Agents, Command validation). Checked when a spec is stored, not when it is started.
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { scratchFolderOf } from '../../infra/scratch-folders.ts';

/** Why this is no command for an agent, or `undefined` when it is one. */
export function commandProblem(command: string, ownProgram: string = process.execPath): string | undefined {
  if (command === '') return 'it is empty';
  if (!isAbsolute(command)) return 'it is not an absolute path';
  if (command.split(/[/\\]/).includes('..')) return 'it has a ".." segment';
  if (command === ownProgram) return undefined;
  try {
    // Links into a scratch folder lead there too.
    const target = realpathSync(command);
    const folder = scratchFolderOf(command) ?? scratchFolderOf(target);
    if (folder !== undefined) return `it is under ${folder}, where anybody may write`;
    if (!statSync(target).isFile()) return 'it is not a regular file';
    accessSync(target, constants.X_OK);
    return undefined;
  } catch (error) {
    return reasonOf(error as NodeJS.ErrnoException, command);
  }
}

/** Where a bare program name is, by `PATH`; what is found may still have a problem as a command. */
export function resolveInterpreter(name: string, path = process.env['PATH'] ?? ''): { command: string } | string {
  if (name === '' || name === '.' || name.includes('..') || /[/\\\0]/.test(name))
    return 'it must be a bare program name';
  for (const folder of path.split(delimiter)) {
    if (!isAbsolute(folder)) continue; // relative to wherever the daemon was started
    const command = join(folder, name);
    if (isExecutable(command)) return { command };
  }
  return 'no such program in PATH';
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['ENOTDIR', 'there is no such file'],
  ['EACCES', 'it is not executable'],
  ['ELOOP', 'its links lead in a circle'],
]);

function reasonOf({ code, message }: NodeJS.ErrnoException, command: string): string {
  const folder = scratchFolderOf(command);
  if (folder !== undefined) return `it is under ${folder}, where anybody may write`;
  return reasons.get(code ?? '') ?? message;
}
