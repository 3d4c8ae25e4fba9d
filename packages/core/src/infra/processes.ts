// Processes of this machine: whether one is still the one that was meant, and who belongs to a session. Process ids are
// reused; an id together with the moment its process started is not.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessStat {
  pid: number;
  isZombie: boolean;
  parent: number;
  group: number;
  session: number;
  hasTerminal: boolean;
  /** CPU time so far, that of its collected children included, in ticks of the clock. */
  cpuTicks: number;
  /** Since the machine started, in ticks of the clock. */
  startTicks: string;
  residentPages: number;
}

const isLinux = process.platform === 'linux';
let bootId: string | undefined;

/** What tells this process from any other that has had or will have its id; `undefined` when it is gone. */
export function identityOf(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (isLinux) {
    const stat = statOf(pid);
    return stat === undefined || stat.isZombie ? undefined : identityOfStat(stat);
  }
  if (!isSignalable(pid)) return undefined;
  if (process.platform === 'win32') return 'alive';
  try {
    return execFileSync('/bin/ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined; // gone meanwhile
  }
}

export function identityOfStat({ startTicks }: ProcessStat): string {
  bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${bootId}:${startTicks}`;
}

/** When a process started, in ms since the epoch, to about a second; `undefined` where that is not known. */
export function startedAtMs(pid: number): number | undefined {
  if (!isLinux) return undefined;
  const stat = statOf(pid);
  if (!stat) return undefined;
  const bootedAt = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1];
  return bootedAt === undefined ? undefined : (Number(bootedAt) + Number(stat.startTicks) / ticksPerSecond) * 1_000;
}

/** Of the times that Linux shows to programs, whatever its own clock. */
export const ticksPerSecond = 100;

export function statOf(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined; // gone, or no such file system
  }
}

/** The name of the program may have blanks and parentheses in it; what follows is numbers (proc_pid_stat(5)). */
export function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const number = (index: number): number => Number(fields[index]);
  return {
    pid: Number.parseInt(text, 10),
    isZombie: fields[0] === 'Z' || fields[0] === 'X',
    parent: number(1),
    group: number(2),
    session: number(3),
    hasTerminal: number(4) !== 0,
    cpuTicks: number(11) + number(12) + number(13) + number(14),
    startTicks: fields[19] ?? '',
    residentPages: number(21),
  };
}

/** All process ids, where the system shows them; else none. */
export function allProcessIds(): number[] {
  if (!isLinux) return [];
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

/** A process's variables as it was started with them; none when it is somebody else's, or gone. */
export function environmentOf(pid: number): ReadonlyMap<string, string> {
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return new Map(
      entries.map((entry) => {
        const end = entry.indexOf('=');
        return [entry.slice(0, end), entry.slice(end + 1)] as const;
      }),
    );
  } catch {
    return new Map();
  }
}

/** Signals every process of a group. Returns whether there was one, zombies included. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  return send(-group, signal);
}

/** Whether a group has a process that is not dead. Dead ones that nobody collects stay in their group for ever. */
export function isGroupAlive(group: number): boolean {
  if (!signalGroup(group, 0)) return false;
  if (!isLinux) return true;
  return allProcessIds().some((pid) => {
    const stat = statOf(pid);
    return stat?.group === group && !stat.isZombie;
  });
}

export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  return send(pid, signal);
}

function isSignalable(pid: number): boolean {
  return send(pid, 0);
}

function send(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch (error) {
    // Somebody else's: it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
