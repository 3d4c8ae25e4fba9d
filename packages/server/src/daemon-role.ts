// Whether this daemon is the primary one of its state root (Primary and secondary daemon).
import { join } from 'node:path';
import { StartError } from './errors.ts';
import { takeFileLock, type FileLock } from '@car-runtime/core/daemon';
import { ensurePrivateFolder } from './private-files.ts';
import { isAnswering } from './unix-socket.ts';

export type DaemonRole = { isPrimary: true; lock: FileLock } | { isPrimary: false; reason: string };

/** Takes the root's lock and asks whether somebody answers on the shared socket, as a daemon that takes no lock would. */
export async function claimDaemonRole(stateRoot: string, sharedSocketPath: string | null): Promise<DaemonRole> {
  const folder = join(stateRoot, 'run');
  ensurePrivateFolder(folder);
  const lock = takeLock(join(folder, 'daemon.lock'));
  if (!lock) return { isPrimary: false, reason: 'another daemon holds the lock of this state root' };
  if (sharedSocketPath !== null && (await isAnswering(sharedSocketPath))) {
    lock[Symbol.dispose]();
    return { isPrimary: false, reason: 'another daemon answers on the shared socket' };
  }
  return { isPrimary: true, lock };
}

function takeLock(path: string): FileLock | undefined {
  try {
    return takeFileLock(path);
  } catch (error) {
    throw StartError.of(`lock ${path}`, error);
  }
}
