// Where the program of an external agent is (Agents, External CLI agents): where its variable says, and nowhere else; or the
// first of all that `PATH` finds that runs.
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { scratchFolderOf } from '../../infra/scratch-folders.ts';
import { environmentFor } from './environment.ts';
import { ask } from './probe.ts';
import type { Found, Surroundings } from './tool.ts';

/** Each costs a process that may take its time. */
const maxCandidates = 16;
const versionNumber = /\d+(?:\.\d+)+(?:[-+][\w.-]+)?/;
const maxReasonChars = 300;

/** Every match of `PATH` in its order, each program once, none from where anybody may write. */
export function candidatesOf(name: string, path: string, isScratch = isInScratch): string[] {
  const found = new Map<string, string>();
  for (const folder of path.split(delimiter)) {
    if (!isAbsolute(folder)) continue; // relative to wherever the daemon was started
    const candidate = join(folder, name);
    const target = targetOf(candidate);
    if (target === undefined || isScratch(candidate) || isScratch(target) || found.has(target)) continue;
    found.set(target, candidate);
    if (found.size >= maxCandidates) break;
  }
  return [...found.values()];
}

function isInScratch(path: string): boolean {
  return scratchFolderOf(path) !== undefined;
}

/** The file behind the links, when it can be executed. */
function targetOf(path: string): string | undefined {
  try {
    const target = realpathSync(path);
    accessSync(target, constants.X_OK);
    return statSync(target).isFile() ? target : undefined;
  } catch {
    return undefined; // not there, or not to be run
  }
}

export async function detectProgram(
  { program, pin }: { program: string; pin: string },
  surroundings: Surroundings,
  isScratch?: (path: string) => boolean,
): Promise<Found | undefined> {
  const { env } = surroundings;
  const pinned = env[pin];
  // Set, it is the only one; empty, it is as good as not set.
  if (pinned !== undefined && pinned !== '') {
    const problem = isAbsolute(pinned) ? undefined : 'it is not an absolute path';
    const { version, why } = problem === undefined ? await probe(pinned, surroundings) : { version: '', why: problem };
    return why === undefined
      ? { path: pinned, version }
      : { path: pinned, problem: `${pin} names ${JSON.stringify(pinned)}, which cannot be used: ${why}` };
  }
  const problems: string[] = [];
  const candidates = candidatesOf(program, env['PATH'] ?? '', isScratch);
  for (const path of candidates) {
    const { version, why } = await probe(path, surroundings);
    if (why === undefined) return { path, version };
    problems.push(`${JSON.stringify(path)} cannot be used: ${why}`);
  }
  const [path] = candidates;
  return path === undefined ? undefined : { path, problem: problems.join('; ') };
}

async function probe(
  command: string,
  { env, secrets, children, probeTimeoutMs }: Surroundings,
): Promise<{ version?: string; why?: string }> {
  const answer = await ask(
    { command, args: ['--version'], env: environmentFor(env, secrets()), children },
    probeTimeoutMs,
  );
  if (answer.problem !== undefined) return { why: answer.problem };
  if (answer.code !== 0) {
    const said = answer.errorText.slice(0, maxReasonChars);
    return { why: `--version ends with exit code ${answer.code}${said === '' ? '' : `: ${said}`}` };
  }
  const version = versionNumber.exec(answer.output)?.[0].slice(0, 64);
  return version === undefined ? {} : { version };
}
