// A disk that refuses, seen over the wire: what changes a memory says so and changes nothing, and what reads goes on.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmdirSync } from 'node:fs';
import { test } from 'node:test';
import { serve, TempFolder } from '@car-runtime/testkit';

// req: memory.store.refused
test('every change that cannot be written down is refused as not_stored; reading goes on, and so does writing afterwards', async () => {
  using folder = new TempFolder();
  const config = { stateRoot: folder.join('root'), memoryDir: folder.join('root', 'memory') };
  const path = folder.join('root', 'memory', 'agents', 'scout.jsonl');
  const as = { agent: 'scout' };
  {
    await using daemon = serve({ config });
    const { memory, skill } = await daemon.connect({ as });
    await memory.add_fact({ subject: 'deploy day', body: 'Friday', fact_id: 'a' });
    await memory.add_fact({ subject: 'pass', body: 'p', expires_at: '2020-01-01T00:00:00Z' });
    await memory.save_knowledge({ id: 'k', subject: 'release branch', body: 'needs a tag' });
    await skill.ingest({ name: 'login', code: 'x', task_keywords: ['deploy'] });
  }
  await using daemon = serve({ config });
  const client = await daemon.connect({ as });
  const { memory, skill, skills } = client;
  const seen = async (): Promise<unknown> => [
    await memory.export({}),
    await memory.query({ query: 'deploy' }),
    await memory.build_context({ query: 'deploy' }),
    (await memory.intervene({ query: 'release branch tag', force: true })).decision,
    await skill.meta({ key: 'login' }),
    await skills.list({}),
  ];
  await memory.persist({ path: 'all.json' });
  const markdown = (await skill.export({ key: 'login' })) ?? '';
  await client.registerTool('flaky', { type: 'object' }, () => {
    throw new Error('no');
  });
  await client.proposal.submit({
    proposal: { actions: [{ id: 'a', type: 'tool_call', tool: 'flaky', parameters: {} }] },
  });

  // A folder in its place takes no lines, whoever asks.
  renameSync(path, `${path}.aside`);
  mkdirSync(path);
  const provenance = { scanned: true, signed: true };
  const before = await seen();
  const changes: Record<string, () => Promise<unknown>> = {
    add: () => memory.add_fact({ subject: 's', body: 'b' }),
    supersede: () => memory.add_fact({ subject: 'deploy day', body: 'Tuesday', supersedes: 'a' }),
    knowledge: () => memory.save_knowledge({ subject: 's', body: 'b' }),
    procedural: () => memory.save_procedural({ subject: 's', body: 'b' }),
    delete: () => memory.delete({ id: 'k' }),
    invalidate: () => memory.invalidate({ fact_id: 'a' }),
    maintain: () => memory.maintain({}),
    consolidate: () => memory.consolidate(),
    load: () => memory.load({ path: 'all.json' }),
    import: () => memory.import({ text: '{"subject":"s","body":"b"}' }),
    ingest: () => skill.ingest({ name: 'login', code: 'y' }),
    report: () => skill.report({ skill_name: 'login', outcome: 'complaint' }),
    document: () => skill.import({ markdown }),
    governed: () => skill.ingest_governed({ name: 'n', code: 'y', provenance, requested_tier: 'read_only' }),
    distilled: () => skills.ingest_distilled({ skills: [{ name: 'd' }] }),
    provisional: () => skills.ingest_provisional({ skills: [{ name: 'login', code: 'z' }] }),
  };
  for (const [name, change] of Object.entries(changes)) {
    await assert.rejects(
      change(),
      { code: -32603, reason: 'not_stored', message: /^Cannot change this memory: / },
      name,
    );
    assert.deepEqual(await seen(), before, name);
  }
  const pack = { skills: [{ name: 'p', code: 'x' }] };
  const adopted = await skill.adopt_pack({ pack, scanned: true });
  assert.deepEqual([adopted.loaded, adopted.refused.map(({ skill_id }) => skill_id)], [[], ['p']]);
  assert.deepEqual(await seen(), before);
  assert.match((await client.server.status()).degraded.join(), /memory/);
  assert.equal(daemon.log.takeErrors().length, 1, 'said once');

  rmdirSync(path);
  renameSync(`${path}.aside`, path);
  await memory.add_fact({ subject: 'deploy day', body: 'Tuesday', supersedes: 'a', fact_id: 'b' });
  assert.deepEqual((await client.server.status()).degraded, []);
  assert.match(readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? '', /"Tuesday"/);
});
