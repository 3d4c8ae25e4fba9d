import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { connect, type Client } from '@car-runtime/client';
import { mintToken, ServerState, type ServerStateConfig } from '@car-runtime/core';
import { createMemoryPair } from '@car-runtime/rpc';
import { TempFolder } from '@car-runtime/testkit';

const success = { status: 'success', summary: 'found it' } as const;

/** A daemon of a state root that others had before, and its host. */
async function start(
  folder: TempFolder,
  config: Partial<ServerStateConfig> = {},
): Promise<AsyncDisposable & { state: ServerState; host: Client; client: Client }> {
  const state = ServerState.withConfig({ journalDir: folder.join('journals'), checksResults: true, ...config });
  const [token, hostToken] = [mintToken(), mintToken()];
  state.installAuthToken(token);
  state.installHostToken(hostToken);
  const open = async (credential: object): Promise<Client> => {
    const [near, far] = createMemoryPair();
    state.createSession(far);
    return await connect({ channel: () => near, reconnect: false, ...credential });
  };
  const [host, client] = [await open({ hostToken }), await open({ token })];
  return {
    state,
    host,
    client,
    async [Symbol.asyncDispose]() {
      await state[Symbol.asyncDispose]();
      await Promise.all([host.close(), client.close()]);
    },
  };
}

// req: runs.adoption, runs.earlier-lifetime, runs.boot-order
test('after a restart open runs are incomplete, ended ones as they were, and all can be read and subscribed', async () => {
  using folder = new TempFolder();
  {
    await using first = await start(folder);
    for (const run_id of ['open', 'done']) {
      await first.host.runs.start({ intent: run_id, agent_id: 'a', idempotency_key: run_id });
    }
    await first.host.runs.complete({ run_id: 'done', outcome: success });
  }
  // As a crash would leave it: without the end that the first daemon gave it when it stopped.
  const path = folder.join('runs', 'a', 'open.jsonl');
  writeFileSync(
    path,
    `${readFileSync(path, 'utf8').split('\n', 1)[0]}\n{"record":"turn","index":0,"verifier_verdict":"v"}\n{"rec`,
  );
  await using second = await start(folder);
  const swept = second.state.sweepStorage();
  const { host } = second;
  const subscribed = await host.runs.subscribe({ run_id: 'open', after: 0 });
  assert.deepEqual(
    [subscribed.status, subscribed.cursor, subscribed.delivery, subscribed.ended?.termination.kind],
    ['incomplete', 1, 'snapshot', 'incomplete'],
  );
  assert.deepEqual(await swept, { journalsRemoved: 0, runsAdopted: 1, runsRemoved: 0, childrenEnded: 0 });
  const { runs } = await host.runs.list({ agent_id: 'a' });
  assert.deepEqual(
    new Set(runs.map(({ run_id, status, turn_count }) => `${run_id} ${status} ${turn_count}`)),
    new Set(['done completed 0', 'open incomplete 1']),
  );
  assert.equal((await host.runs.subscribe({ run_id: 'done' })).status, 'completed');
  assert.deepEqual(await host.runs.unsubscribe({ run_id: 'done' }), { run_id: 'done', removed: true });
  await assert.rejects(
    host.runs.complete({ run_id: 'open', outcome: success }),
    /^Error \[?\w*\]?:? ?unknown run_id `open`|unknown run_id/,
  );
  const rejoined = await host.runs.start({ intent: 'x', agent_id: 'a', idempotency_key: 'open' });
  assert.deepEqual(rejoined, { run_id: 'open', agent_id: 'a' });
  await assert.rejects(host.runs.start({ intent: 'x', agent_id: 'b', idempotency_key: 'open' }), /of another agent/);
  const lines = readFileSync(path, 'utf8');
  assert.equal(lines.split('\n').length, 4, 'the file takes nothing more');
});

// req: runs.boot-order, runs.retention
test('a run that a crash left open is ended before old runs go, and so is not kept for ever', async () => {
  using folder = new TempFolder();
  const line = (record: object): string => `${JSON.stringify(record)}\n`;
  mkdirSync(folder.join('runs', 'a'), { recursive: true });
  const at = new Date(Date.now() - 40 * 86_400_000).toISOString();
  const started = { record: 'started', agent_id: 'a', intent: 'i', started_at: at };
  const ended = { record: 'ended', agent_id: 'a', termination: { kind: 'incomplete' }, ended_at: at };
  writeFileSync(
    folder.join('runs', 'a', 'old.jsonl'),
    line({ ...started, run_id: 'old' }) + line({ ...ended, run_id: 'old' }),
  );
  writeFileSync(folder.join('runs', 'a', 'crashed.jsonl'), line({ ...started, run_id: 'crashed' }));
  {
    await using daemon = await start(folder, { runRetention: { maxPerAgent: 1, maxAgeDays: 0 } });
    const { run_id } = await daemon.host.runs.start({ intent: 'live', agent_id: 'a' });
    const { runsAdopted, runsRemoved } = await daemon.state.sweepStorage();
    assert.deepEqual([runsAdopted, runsRemoved], [1, 1]);
    const { runs } = await daemon.host.runs.list({ agent_id: 'a' });
    assert.deepEqual(new Set(runs.map((run) => run.run_id)).has(run_id), true);
    assert.equal(runs.length, 2);
  }
  await using again = await start(folder);
  const { runsAdopted } = await again.state.sweepStorage({ isAlone: false });
  assert.equal(runsAdopted, 0, 'another daemon may have them open');
});

// req: runs.disk-fallback, runs.disk-refuses, runs.disk-announced
test('a run whose file is gone is still subscribed, with nothing in it; calls go on while the disk refuses', async () => {
  using folder = new TempFolder();
  await using daemon = await start(folder);
  const { host } = daemon;
  await host.runs.start({ intent: 'i', agent_id: 'a', idempotency_key: 'r' });
  await host.runs.complete({ run_id: 'r', outcome: success });
  rmSync(folder.join('runs'), { recursive: true });
  const { turns_so_far, cursor, status } = await host.runs.subscribe({ run_id: 'r' });
  assert.deepEqual([turns_so_far, cursor, status], [[], 0, 'completed']);

  await using events = host.events('host.event');
  await host.host.subscribe({});
  writeFileSync(folder.join('runs'), 'a file in the way');
  const { run_id, persisted } = await host.runs.start({ intent: 'i', agent_id: 'a' });
  assert.equal(persisted, false);
  assert.match(daemon.state.health.problems.join(), /^runs: /);
  rmSync(folder.join('runs'));
  assert.deepEqual(await host.runs.complete({ run_id, outcome: success }), { run_id, ok: true });
  assert.deepEqual(daemon.state.health.problems, []);
  const kinds = [await events.next(), await events.next()].map(({ value }) => [value?.kind, value?.payload]);
  assert.deepEqual(
    kinds.map(([kind, payload]) => [kind, (payload as { component: string }).component]),
    [
      ['store.degraded', 'runs'],
      ['store.recovered', 'runs'],
    ],
  );
  const trace = await host.runs.get_trace({ run_id });
  assert.ok('records' in trace && trace.records.length === 2);
});

// req: runs.fsync
test('with fsync the same calls give the same answers', async () => {
  using folder = new TempFolder();
  await using daemon = await start(folder, { runDurability: 'fsync' });
  const { host } = daemon;
  const { run_id } = await host.runs.start({ intent: 'i', agent_id: 'a' });
  await using events = host.events('runs.trace.event');
  await host.runs.subscribe({ run_id });
  assert.deepEqual(await host.runs.complete({ run_id, outcome: success }), { run_id, ok: true });
  assert.equal((await events.next()).value?.record.record, 'ended');
});

// req: runs.search
test('runs are found by words of their intent and of their outcome', async () => {
  using folder = new TempFolder();
  await using daemon = await start(folder);
  const { host } = daemon;
  for (const intent of ['look for the key', 'paint the door']) {
    const { run_id } = await host.runs.start({ intent, agent_id: 'a' });
    if (intent.startsWith('look')) await host.runs.complete({ run_id, outcome: success });
  }
  const found = async (text: string): Promise<string[]> =>
    (await host.runs.search({ text })).runs.map(({ intent }) => intent);
  assert.deepEqual(await found('DOOR'), ['paint the door']);
  assert.deepEqual(await found('found it'), ['look for the key']);
  assert.deepEqual(await found('%'), []);
  await assert.rejects(host.runs.search({ since: 'yesterday' }), { code: -32602 });
  await assert.rejects(host.runs.search({ limit: 0 }), { code: -32602 });
  for (const after of ['', 'x', '1/a/b', '1/%E0%A4%A', '-1/a']) {
    await assert.rejects(host.runs.search({ after }), { code: -32602 }, after);
  }
});

// req: runs.search-pages
test('a search of many runs is read page by page, each run once, whatever is started meanwhile', async () => {
  using folder = new TempFolder();
  await using daemon = await start(folder);
  const { host } = daemon;
  const started: string[] = [];
  // An id may be anything that a file may be called.
  for (let n = 0; n < 7; n++) {
    started.push((await host.runs.start({ intent: 'i', agent_id: 'a', idempotency_key: `run ${n} %?:&é` })).run_id);
  }
  await host.runs.complete({ run_id: started[0] ?? '', outcome: { status: 'give_up' } });
  const found: string[] = [];
  let after: string | undefined;
  do {
    const page = await host.runs.search({ agent_id: 'a', limit: 3, ...(after !== undefined && { after }) });
    found.push(...page.runs.map(({ run_id }) => run_id));
    after = page.next;
    // Newer than all of them, so on no page that follows.
    await new Promise((resolve) => setTimeout(resolve, 2));
    await host.runs.start({ intent: 'meanwhile', agent_id: 'a' });
  } while (after !== undefined);
  assert.deepEqual(found.toSorted(), started.toSorted());
  const { runs } = await host.runs.search({ agent_id: 'a', limit: 100 });
  assert.deepEqual(
    runs.filter(({ outcome }) => outcome !== undefined).map(({ run_id, status, outcome }) => [run_id, status, outcome]),
    [[started[0], 'completed', 'give_up']],
  );
});
