// A daemon whose disk refuses the journals: calls succeed, the daemon says so, and says when it is over.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { serve, turnOver, type Wire } from '@car-runtime/testkit';

interface Status {
  degraded: string[];
  connection: { client_id: string };
}

const status = async (wire: Wire): Promise<Status> => (await wire.result('server.status', {})) as Status;

async function runPlan(wire: Wire): Promise<string> {
  const actions = [{ id: 'a', type: 'state_write', parameters: { key: 'k', value: 1 } }];
  const { results } = (await wire.result('proposal.submit', { proposal: { actions } })) as {
    results: { status: string }[];
  };
  return results.map(({ status: each }) => each).join();
}

// req: journal.degraded
test('a refusal is logged once a session, and over when something can be written, by whatever session', async () => {
  await using daemon = serve();
  // A file where the folder should be.
  writeFileSync(daemon.state.journalDir, '');
  const one = await daemon.peer({ as: 'client' });
  for (let plan = 0; plan < 3; plan++) assert.equal(await runPlan(one), 'succeeded');
  const { degraded, connection } = await status(one);
  assert.equal(degraded.length, 1);
  assert.match(degraded[0] ?? '', /^journals: ENOTDIR/);
  await one.close();
  await turnOver();
  const errors = daemon.log.takeErrors().map(({ message, fields }) => [message, fields['client_id']]);
  assert.deepEqual(errors, [
    ['journal not written', connection.client_id],
    ['journal closed without its last events', connection.client_id],
  ]);
  const two = await daemon.peer({ as: 'client' });
  assert.equal((await status(two)).degraded.length, 1, 'nothing says that it is over');
  rmSync(daemon.state.journalDir);
  assert.equal(await runPlan(two), 'succeeded');
  const after = await status(two);
  assert.deepEqual(after.degraded, []);
  assert.ok(daemon.journal(after.connection.client_id).some(({ kind }) => kind === 'action_succeeded'));
});

// req: journal.degraded
test('a session that is refused writes all it had to say when it can, in order', async () => {
  await using daemon = serve();
  writeFileSync(daemon.state.journalDir, '');
  const wire = await daemon.peer({ as: 'client' });
  await runPlan(wire);
  await runPlan(wire);
  const { connection } = await status(wire);
  rmSync(daemon.state.journalDir);
  await runPlan(wire);
  assert.deepEqual((await status(wire)).degraded, []);
  const kinds = daemon.journal(connection.client_id).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === 'proposal_received').length, 3);
  assert.equal(daemon.log.takeErrors().length, 1);
});
