// How a person at this place starts a program of this package, for messages that tell them to.
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type ProgramName = 'car' | 'car-server';

export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>;
  folder: string;
}

/** The bare name where the shell finds it, `npx …` where npm does, else the launcher by its path. */
export function commandName(
  name: ProgramName,
  { env, folder }: Surroundings = { env: process.env, folder: process.cwd() },
): string {
  // npm and npx put such folders in front for the programs they start, and the shell they were called from has none.
  const isUnderNpm = env['npm_execpath'] !== undefined || env['npm_lifecycle_event'] !== undefined;
  const folders = (env['PATH'] ?? '').split(delimiter).filter((each) => each !== '');
  const ofShell = isUnderNpm ? folders.filter((each) => !/node_modules[\\/]\.bin[\\/]?$/.test(each)) : folders;
  if (ofShell.some((each) => isProgram(join(each, name)))) return name;
  if (isInstalledAbove(folder, name)) return `npx ${name}`;
  const launcher = fileURLToPath(new URL(`../bin/${name}.js`, import.meta.url));
  return existsSync(launcher) ? `node ${/\s/.test(launcher) ? JSON.stringify(launcher) : launcher}` : name;
}

function isProgram(path: string): boolean {
  try {
    accessSync(process.platform === 'win32' ? `${path}.cmd` : path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not for us
  }
}

function isInstalledAbove(folder: string, name: string): boolean {
  if (existsSync(join(folder, 'node_modules', '.bin', name))) return true;
  return dirname(folder) !== folder && isInstalledAbove(dirname(folder), name);
}
