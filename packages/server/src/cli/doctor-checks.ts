// What `car doctor` checks. An id never changes its meaning: scripts name them.
import { randomUUID } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AuthenticationError, CannotConnectError } from '@car-runtime/client';
import { authTokenPath, hostTokenPath, socketPath, stateRoot } from '@car-runtime/client/node-paths';
import { commandName } from '../command-name.ts';
import type { DoctorProbe } from './doctor-probe.ts';
import { isNobodyThere } from './nobody-there.ts';
import { countOf } from './plan/plan-text.ts';
import { bytesText, durationText } from './terminal.ts';

export type Severity = 'ok' | 'warning' | 'error';

export interface Finding {
  severity: Severity;
  /** What was found. */
  summary: string;
  /** What to do about it. */
  fix?: string;
  /** For programs. */
  details?: Record<string, unknown>;
}

export interface Check {
  id: string;
  about: string;
  run(probe: DoctorProbe): Finding | Promise<Finding>;
}

const neededNode = [24, 15] as const;
const mib = 1024 * 1024;
const leastFreeBytes = { warning: 1024 * mib, error: 100 * mib };
const leastFreeFiles = 1_000;
const mostJournalBytes = 1024 * mib;
const mostJournalFiles = 10_000;
const mostClockSkewMs = 10_000;
/** No clock that is right shows less. */
const earliestTime = Date.UTC(2026, 0, 1);
/** What fits into `sockaddr_un.sun_path` with its terminating zero. */
const maxSocketPathBytes = process.platform === 'darwin' ? 103 : 107;
const standardPort = 9_100;
const hasModes = process.getuid !== undefined;

export const checks: readonly Check[] = [
  { id: 'node-version', about: 'this Node is new enough', run: checkNode },
  { id: 'state-root', about: 'the state root is there and can be written', run: checkStateRoot },
  { id: 'state-root-mode', about: 'nobody else can read or change the state root', run: checkStateRootMode },
  { id: 'token-files', about: 'the token files are private, and there while a daemon runs', run: checkTokenFiles },
  { id: 'socket-path', about: 'the path of the socket is one the system can bind', run: checkSocketPath },
  { id: 'daemon-reachable', about: 'a daemon answers and accepts our credential', run: checkReachable },
  { id: 'daemon-version', about: 'the daemon and this program are of the same version', run: checkVersion },
  { id: 'daemon-health', about: 'the daemon reports no problem of its own', run: checkHealth },
  { id: 'ports', about: 'the standard ports are free, or the daemon has them', run: checkPorts },
  { id: 'clock', about: 'the clock is plausible', run: checkClock },
  { id: 'disk-space', about: 'the disk of the state root has room', run: checkDisk },
  { id: 'journals', about: 'the journals are of a reasonable size', run: checkJournals },
];

function ok(summary: string, details?: Record<string, unknown>): Finding {
  return { severity: 'ok', summary, ...(details && { details }) };
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNewEnough = major > neededNode[0] || (major === neededNode[0] && minor >= neededNode[1]);
  if (isNewEnough) return ok(`Node ${process.versions.node}`);
  return {
    severity: 'error',
    summary: `Node ${process.versions.node}, and ${neededNode.join('.')} is needed`,
    fix: 'install Node 24',
  };
}

function checkStateRoot(): Finding {
  const root = stateRoot();
  const info = statSync(root, { throwIfNoEntry: false });
  if (!info)
    return {
      severity: 'warning',
      summary: `${root} is not there yet`,
      fix: `the first start makes it: ${commandName('car-server')}`,
      details: { path: root },
    };
  if (!info.isDirectory())
    return {
      severity: 'error',
      summary: `${root} is no folder`,
      fix: `move it away, or set CAR_HOME to another absolute path`,
    };
  try {
    touch(root);
  } catch (error) {
    return {
      severity: 'error',
      summary: `${root} cannot be written: ${(error as Error).message}`,
      fix: 'give the folder to the user that runs the daemon',
    };
  }
  return ok(root, { path: root });
}

/** Makes and removes a file, and returns when the file system says that was. */
function touch(folder: string): number {
  const path = join(folder, `.doctor-${randomUUID()}`);
  try {
    writeFileSync(path, '', { flag: 'wx', mode: 0o600 });
    return statSync(path).mtimeMs;
  } finally {
    rmSync(path, { force: true });
  }
}

function checkStateRootMode(): Finding {
  const root = stateRoot();
  const info = statSync(root, { throwIfNoEntry: false });
  if (!info || !hasModes) return ok(info ? 'This system has no modes' : 'There is nothing to protect yet');
  const mode = modeText(info.mode);
  const fix = `chmod 700 ${root}`;
  if (info.uid !== process.getuid?.())
    return {
      severity: 'warning',
      summary: `${root} belongs to user ${info.uid}, not to you`,
      fix: `chown it, or set CAR_HOME`,
      details: { mode },
    };
  if (info.mode & 0o022)
    return { severity: 'error', summary: `Others can change ${root} (mode ${mode})`, fix, details: { mode } };
  if (info.mode & 0o077)
    return { severity: 'warning', summary: `Others can look into ${root} (mode ${mode})`, fix, details: { mode } };
  return ok(`mode ${mode}`, { mode });
}

async function checkTokenFiles(probe: DoctorProbe): Promise<Finding> {
  const { tokenFile } = probe.context.globals;
  const paths =
    tokenFile === undefined ? [authTokenPath(), hostTokenPath()] : [tokenFile, join(dirname(tokenFile), 'host-token')];
  const unsafe = paths.flatMap((path) => tokenFileProblem(path) ?? []);
  if (unsafe.length > 0) {
    return {
      severity: 'error',
      summary: unsafe.join('; '),
      fix: 'stop the daemon, remove the files, start it again: a token others could read is no secret any more',
    };
  }
  const missing = paths.filter((path) => !existsSync(path));
  const { status, failure } = await probe.daemon();
  const isRunning = status?.auth_enabled ?? failure instanceof AuthenticationError;
  if (missing.length > 0 && isRunning) {
    return {
      severity: 'warning',
      summary: `A daemon runs, and ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
      fix: 'a secondary daemon writes none; otherwise restart it',
      details: { paths, missing },
    };
  }
  if (missing.length === paths.length) return ok('none, as no daemon with authentication runs', { paths, missing });
  const isStale = missing.length < paths.length && failure instanceof CannotConnectError;
  if (isStale)
    return ok('left by a daemon that did not stop by itself; the next start replaces them', { paths, missing });
  return ok('private', { paths, missing });
}

function tokenFileProblem(path: string): string | undefined {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (!info) return undefined;
  if (!info.isFile()) return `${path} is ${info.isSymbolicLink() ? 'a symbolic link' : 'no file'}`;
  if (hasModes && info.mode & 0o077) return `others can read ${path} (mode ${modeText(info.mode)})`;
  const folder = statSync(dirname(path));
  if (hasModes && folder.mode & 0o022) return `others can change ${dirname(path)} (mode ${modeText(folder.mode)})`;
  return undefined;
}

function checkSocketPath(): Finding {
  const path = socketPath();
  const length = Buffer.byteLength(path);
  if (process.platform !== 'win32' && length > maxSocketPathBytes) {
    return {
      severity: 'error',
      summary: `${path} has ${length} bytes, and the system allows ${maxSocketPathBytes}`,
      fix: 'set CAR_SERVER_SOCKET or CAR_HOME to a shorter path',
      details: { path },
    };
  }
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info && !info.isSocket())
    return { severity: 'error', summary: `${path} is there and is no socket`, fix: `move it away`, details: { path } };
  return ok(path, { path, exists: info !== undefined });
}

async function checkReachable(probe: DoctorProbe): Promise<Finding> {
  const answer = await probe.daemon();
  if (answer.status) {
    const { pid, uptime_ms: uptimeMs, connection } = answer.status;
    return ok(`process ${pid}, up ${durationText(uptimeMs)}, at ${answer.endpoint}`, {
      pid,
      endpoint: answer.endpoint,
      transport: connection.transport,
    });
  }
  const { failure } = answer;
  if (failure instanceof CannotConnectError && isNobodyThere(failure)) {
    return {
      severity: 'warning',
      summary: `No daemon runs: ${failure.message}`,
      fix: `start one: ${commandName('car-server')}`,
    };
  }
  return {
    severity: 'error',
    summary: failure.message,
    fix: `see which daemon this is, and whose token: ${commandName('car')} token path; CAR_DAEMON_URL, CAR_AUTH_TOKEN`,
  };
}

async function checkVersion(probe: DoctorProbe): Promise<Finding> {
  const { status } = await probe.daemon();
  const own = probe.context.version;
  if (!status) return ok(`${own}; no daemon to compare with`, { own });
  const details = { own, daemon: status.server_version };
  if (status.server_version === own) return ok(own, details);
  return {
    severity: 'warning',
    summary: `The daemon is ${status.server_version}, this program ${own}`,
    fix: `restart the daemon: ${commandName('car')} stop, then ${commandName('car-server')}`,
    details,
  };
}

async function checkHealth(probe: DoctorProbe): Promise<Finding> {
  const { status } = await probe.daemon();
  if (!status) return ok('No daemon to ask');
  const details = {
    degraded: status.degraded,
    loop_delay_p99_ms: status.loop_delay_p99_ms,
    rss_bytes: status.rss_bytes,
  };
  if (status.degraded.length > 0)
    return {
      severity: 'error',
      summary: status.degraded.join('; '),
      fix: `${commandName('car')} logs --level warn`,
      details,
    };
  if (status.is_draining)
    return { severity: 'warning', summary: 'The daemon is stopping', fix: 'wait, then start it again', details };
  return ok(`${bytesText(status.rss_bytes)}, loop delay ${status.loop_delay_p99_ms.toFixed(1)} ms`, details);
}

async function checkPorts(probe: DoctorProbe): Promise<Finding> {
  const ports = { ws: standardPort, http: standardPort + 1, mcp: standardPort + 2 };
  const taken: number[] = [];
  for (const port of Object.values(ports)) if (await probe.isPortTaken(port)) taken.push(port);
  if (taken.length === 0) return ok(`${Object.values(ports).join(', ')} are free`, { taken });
  const { status } = await probe.daemon();
  const isOurs = status !== undefined && taken.includes(ports.ws) && (await probe.pidBehind(ports.ws)) === status.pid;
  if (isOurs) return ok(`the daemon has ${taken.join(', ')}`, { taken });
  return {
    severity: 'warning',
    summary: `${taken.join(', ')} ${taken.length === 1 ? 'is' : 'are'} in use, not by a daemon of this state root`,
    fix: 'see who listens there (ss -ltnp), or start the daemon with --port and --mcp-bind',
    details: { taken },
  };
}

function checkClock(): Finding {
  const now = Date.now();
  if (now < earliestTime)
    return {
      severity: 'error',
      summary: `The clock says ${new Date(now).toISOString()}`,
      fix: 'set the clock, or start time synchronisation',
    };
  const root = stateRoot();
  const details = { now: new Date(now).toISOString() };
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) return ok(details.now, details);
  let skewMs: number;
  try {
    skewMs = touch(root) - now;
  } catch {
    return ok(details.now, details); // that the root cannot be written is another check's finding
  }
  if (Math.abs(skewMs) <= mostClockSkewMs)
    return ok(details.now, { ...details, file_system_skew_ms: Math.round(skewMs) });
  return {
    severity: 'warning',
    summary: `The file system of ${root} is ${durationText(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} this machine`,
    fix: 'synchronise both clocks: ages of files decide what is cleaned up',
    details: { ...details, file_system_skew_ms: Math.round(skewMs) },
  };
}

function checkDisk(): Finding {
  const folder = nearestFolder(stateRoot());
  const { bavail, bsize, ffree, files } = statfsSync(folder);
  const free = bavail * bsize;
  const details = { folder, free_bytes: free, free_files: ffree };
  const severity = free < leastFreeBytes.error ? 'error' : free < leastFreeBytes.warning ? 'warning' : 'ok';
  const fix = 'make room; without it nothing can be recorded';
  if (severity !== 'ok')
    return { severity, summary: `${bytesText(free)} are free on the disk of ${folder}`, fix, details };
  // Some file systems have no fixed number of files and say 0 for it.
  if (files > 0 && ffree < leastFreeFiles)
    return { severity: 'warning', summary: `The disk of ${folder} takes only ${ffree} more files`, fix, details };
  return ok(`${bytesText(free)} free`, details);
}

function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}

function checkJournals(): Finding {
  const folder = join(stateRoot(), 'journals');
  const { files, bytes } = sizeOf(folder);
  const details = { folder, files, bytes };
  const summary = `${countOf(files, 'file')}, ${bytesText(bytes)}`;
  if (bytes <= mostJournalBytes && files <= mostJournalFiles) return ok(summary, details);
  return {
    severity: 'warning',
    summary,
    fix: 'the next start removes what is past [journals] max_files and max_age_days; lower them',
    details,
  };
}

function sizeOf(folder: string): { files: number; bytes: number } {
  if (!existsSync(folder)) return { files: 0, bytes: 0 };
  const sizes = readdirSync(folder).map((name) => lstatSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function modeText(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}
