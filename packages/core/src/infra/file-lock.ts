// An advisory lock on a file, held for as long as this process wants and released by the kernel when it dies, however
// it dies. It is SQLite's exclusive lock on an empty database: a real lock of the operating system (fcntl on POSIX,
// LockFileEx on Windows), so no process id can be mistaken for a live holder. Taking one costs under a millisecond.
//
// On POSIX a process loses its fcntl locks on a file when it closes any descriptor of it: nothing else in this process
// may open a lock file.
import { closeSync, openSync, truncateSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

const sqliteBusy = 5;
const sqliteNotADatabase = 26;

/** A lock that is held; disposing gives it up. The file stays. */
export interface FileLock extends Disposable {
  readonly path: string;
}

/** Takes the lock, or returns `undefined` when another holder has it (also one in this process). The file is made with
 *  mode 0600; its folder must exist. */
export function takeFileLock(path: string): FileLock | undefined {
  try {
    return take(path);
  } catch (error) {
    // What another program keeps in a lock file (a process id, say) is of no use to us. Ours is always empty, so
    // emptying it cannot take anything from a holder, and two processes may do it at once.
    if (errorCode(error) !== sqliteNotADatabase) throw error;
    truncateSync(path);
    return take(path);
  }
}

function take(path: string): FileLock | undefined {
  createPrivately(path);
  const database = new DatabaseSync(path);
  try {
    // Nothing is ever written, so there is no journal to keep.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (errorCode(error) === sqliteBusy) return undefined;
    throw error;
  }
  return { path, [Symbol.dispose]: () => void (database.isOpen && database.close()) };
}

/** SQLite would make the file readable for everybody. An existing file is not opened, for the reason above. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function errorCode(error: unknown): number | undefined {
  return (error as { errcode?: number }).errcode;
}
