// How much memory is still held once garbage collection found nothing more to free.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** In MB, buffers outside the heap included. */
export async function heldMb(): Promise<number> {
  let held = Number.POSITIVE_INFINITY;
  // Finalizers and closing sockets let go a turn or more later.
  for (;;) {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    collect();
    const { heapUsed, external } = process.memoryUsage();
    if (heapUsed + external > held - 64 * 1024) return held / 1e6;
    held = heapUsed + external;
  }
}
