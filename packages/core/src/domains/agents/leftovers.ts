// Processes of a daemon that was killed: nobody supervises them, and the pipes they wrote to are gone. They are ended
// before their agents are started again, so that no agent ever runs twice.
import { setTimeout as delay } from 'node:timers/promises';
import {
  allProcessIds,
  environmentOf,
  identityOf,
  identityOfStat,
  signalProcess,
  statOf,
} from '../../infra/processes.ts';
import type { AgentSpec } from './agent-spec.ts';
import type { PidFiles, SpawnRecord } from './pid-files.ts';

const pollMs = 50;

interface Leftover {
  pid: number;
  identity: string;
}

/** What is left of each agent, by its id. Called by whoever holds the manifest's lock: no other daemon supervises them. */
export function findLeftovers(
  specs: ReadonlyMap<string, AgentSpec>,
  pidFiles: PidFiles,
  manifest: string,
): Map<string, Leftover[]> {
  const recorded = new Map([...pidFiles.abandoned(manifest)].map(({ id, record }) => [id, record]));
  const found = new Map<string, Leftover[]>();
  // Nothing is read that cannot be ours: most daemons start without agents.
  if (recorded.size === 0 && specs.size === 0) return found;
  const add = (id: string, leftover: Leftover): void => void found.set(id, [...(found.get(id) ?? []), leftover]);
  for (const [id, { pid, identity }] of recorded) {
    if (identity !== undefined && identityOf(pid) === identity) add(id, { pid, identity });
  }
  for (const pid of allProcessIds()) {
    const id = agentOf(pid, specs, recorded);
    const stat = id === undefined ? undefined : statOf(pid);
    if (id === undefined || !stat || stat.isZombie || isIn(found, pid)) continue;
    add(id, { pid, identity: identityOfStat(stat) });
  }
  // Of a daemon that was killed between a start and its record nothing but the process is there; of one killed in between
  // an end and its record, nothing but the record.
  for (const id of recorded.keys()) if (!found.has(id)) pidFiles.remove(id);
  return found;
}

/** Which agent a process was started for, as its variables have it: nobody else knows the token. A process on somebody's
 *  terminal is theirs, whatever it was given. */
function agentOf(
  pid: number,
  specs: ReadonlyMap<string, AgentSpec>,
  recorded: ReadonlyMap<string, SpawnRecord>,
): string | undefined {
  const stat = statOf(pid);
  if (!stat || stat.hasTerminal || pid === process.pid) return undefined;
  const environment = environmentOf(pid);
  const id = environment.get('CAR_AGENT_ID');
  if (id === undefined) return undefined;
  const token = specs.get(id)?.token;
  const isOfToken = token !== undefined && token !== '' && environment.get('CAR_AGENT_TOKEN') === token;
  return isOfToken || recorded.get(id)?.pid === stat.session ? id : undefined;
}

/** What has the credential of an agent in its variables: it was started by the agent, and left its group. Nothing where there
 *  is no credential to tell it by. */
export function findStrays({ CAR_AGENT_ID: id, CAR_AGENT_TOKEN: token }: Readonly<Record<string, string>>): Leftover[] {
  if (id === undefined || token === undefined || token === '') return [];
  return allProcessIds().flatMap((pid) => {
    const stat = pid === process.pid ? undefined : statOf(pid);
    if (!stat || stat.isZombie || stat.hasTerminal) return [];
    const environment = environmentOf(pid);
    const isOurs = environment.get('CAR_AGENT_ID') === id && environment.get('CAR_AGENT_TOKEN') === token;
    return isOurs ? [{ pid, identity: identityOfStat(stat) }] : [];
  });
}

function isIn(found: ReadonlyMap<string, Leftover[]>, pid: number): boolean {
  return [...found.values()].some((leftovers) => leftovers.some((leftover) => leftover.pid === pid));
}

/** Ends them: SIGTERM, then SIGKILL. Resolves when they are gone or will not go. */
export async function endLeftovers(leftovers: readonly Leftover[], graceMs: number): Promise<void> {
  const remaining = (): Leftover[] => leftovers.filter(({ pid, identity }) => identityOf(pid) === identity);
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    for (const { pid } of remaining()) signalProcess(pid, signal);
    const limitMs = Math.max(graceMs, pollMs);
    for (let waitedMs = 0; waitedMs < limitMs && remaining().length > 0; waitedMs += pollMs) await delay(pollMs);
  }
}
