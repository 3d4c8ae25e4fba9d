// Run as a process: turns a folder and a file below a root into links to the outside and back, as fast as it can, until its
// standard input ends.
//   node path-swapper.ts <root> <outside>
import { renameSync, rmSync, symlinkSync } from 'node:fs';

const [, , root = '', outside = ''] = process.argv;
const aside = `${outside}-aside`;

let isOver = false;
process.stdin.on('end', () => (isOver = true)).resume();
process.stdout.write('swapping\n');
swap();

function swap(): void {
  for (let round = 0; round < 50; round++) {
    for (const name of ['door', 'leaf', 'deep/door']) {
      const path = `${root}/${name}`;
      renameSync(path, aside);
      put(path, () => symlinkSync(name === 'leaf' ? `${outside}/f` : outside, path));
      rmSync(path);
      put(path, () => renameSync(aside, path));
    }
  }
  if (!isOver) setImmediate(swap);
}

/** Who is tested may make something at the path while there is nothing. */
function put(path: string, place: () => void): void {
  for (;;) {
    try {
      place();
      return;
    } catch {
      rmSync(path, { recursive: true, force: true, maxRetries: 100, retryDelay: 1 });
    }
  }
}
