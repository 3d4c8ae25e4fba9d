// A process that appends to a chained journal until it is killed:
//   node journal-writer.ts <journal> <key folder>
// Each line of its output acknowledges so many events.
import { writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EventLog } from '../src/domains/events/event-log.ts';
import { MemoryBudget } from '../src/domains/events/memory-budget.ts';
import { OpenHandles } from '../src/infra/append-file.ts';
import { openSigner } from '../src/journal/key-pair.ts';

const [path = '', keyDir = ''] = process.argv.slice(2);
const signer = openSigner(keyDir);
const fail = (error: unknown): void => {
  throw error;
};
const log = new EventLog({
  path,
  handles: new OpenHandles(),
  budget: new MemoryBudget(Number.POSITIVE_INFINITY),
  signer: () => signer,
  onProblem: fail,
  onRecovered: () => undefined,
  onCompactionFailed: fail,
});
log.enableChain();
for (let events = 0; ;) {
  for (let n = 0; n < 20; n++)
    log.append('turn_completed', { data: { n: events++, text: 'x'.repeat(events % 5_000) } });
  await nextTurn();
  writeSync(1, `${events}\n`);
}
