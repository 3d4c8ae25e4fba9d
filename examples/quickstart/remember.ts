// What the agent remembers: told once, corrected, and asked again after the daemon was restarted.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Client } from '@car-runtime/client';
import { dim } from './print.ts';

const program = join(import.meta.dirname, '..', '..', 'packages', 'server', 'bin', 'car.js');
const question = 'when is the release';

/** Learns something, then learns better. */
export async function learn(car: Client): Promise<void> {
  await car.memory.add_fact({ subject: 'release day', body: 'Friday', fact_id: 'release-day' });
  await car.memory.add_fact({ subject: 'mail', body: 'goes out on the release day', depends_on: ['release-day'] });
  console.log('   learned: the release day is Friday, and the mail goes out on it');
  await car.memory.add_fact({ subject: 'release day', body: 'Tuesday', supersedes: 'release-day' });
  const [best] = await car.memory.query({ query: question, k: 1 });
  assert.equal(best?.body, 'Tuesday');
  console.log('   corrected: the release day is Tuesday');
}

/** Asks another daemon on the same state root, as a person would. */
export async function recall(environment: NodeJS.ProcessEnv): Promise<void> {
  const found = await runCar(environment, 'query', question, '-n', '1');
  assert.match(found, /Tuesday/, 'what was corrected is remembered as corrected');
  console.log(`   ${question}?  ${found.trim().split('\t').at(-1) ?? ''}`);
  const context = await runCar(environment, 'context', question);
  console.log(dim(context.trimEnd().replaceAll(/^/gm, '   ')));
  assert.match(context, /release day: Tuesday \(changed from: Friday\)/);
  assert.match(context, /recalculate \S+, what it rests on has changed: mail/);
}

async function runCar(environment: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [program, 'memory', ...args], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return await text(child.stdout);
}
