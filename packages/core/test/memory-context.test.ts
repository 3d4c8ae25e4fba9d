// Contexts over the wire: every section in its place, with skills that were ingested and reported on, and budgets met to the line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { MemoryEngine } from '@car-runtime/core';
import { serve } from '@car-runtime/testkit';

const charsPerToken = 4;

// req: memory.context.order, memory.context.repairs, memory.context.conversation, memory.context.environment, skills.context
test('a context has identity, constraints, skills, facts, outdated, conversation, environment and unknowns, in this order', async () => {
  const memory = new MemoryEngine({ now: () => 1_000_000 });
  await using daemon = serve({ sharedMemory: memory });
  const client = await daemon.connect();
  await fillEverySection(client, memory);

  const full = await client.memory.build_context({ query: 'sign in to the shop before the deploy' });
  assert.equal(
    full,
    [
      '## Identity\nname: Ada',
      '## Constraints\n⚠ c secrets: never print them',
      '## Task Skills\n- login: clicks through; before anything else\n- shop: buys',
      [
        '## Facts',
        '- day2 [usr] deploy day: Tuesday (changed from: Friday)',
        '  - recalculate mail, what it rests on has changed: reminder: goes out the evening before',
      ].join('\n'),
      '## Outdated\n- recalculate trip, what it rests on has changed: trip: by train',
      '## Conversation\n### Recent\n- ann: are we ready\n- bob: nearly',
      '## Environment\n- [ext] branch: main\n- [ext] disk: 40 % free',
      '## Known Unknowns\n- skill pay is broken: it failed 3 times and succeeded 0',
    ].join('\n\n'),
  );
  assert.equal(await client.memory.build_context({ query: 'sign in to the shop before the deploy' }), full);

  const fast = await client.memory.build_context_fast({ query: 'sign in to the shop before the deploy' });
  assert.deepEqual(
    [...fast.matchAll(/^## .*$/gm)].map(([title]) => title),
    ['## Identity', '## Constraints', '## Facts', '## Conversation', '## Environment'],
  );
  const theirs = await client.memory.build_context({ query: 'sign in to the shop', tenant_id: 'b' });
  assert.equal(theirs, '## Task Skills\n- login: of b');
});

async function fillEverySection({ memory, skill, skills }: Client, engine: MemoryEngine): Promise<void> {
  engine.addEnvironment({ key: 'disk', value: '40 % free', atMs: 1 });
  engine.addEnvironment({ key: 'branch', value: 'main', atMs: 2 });
  engine.addEnvironment({ key: 'port', value: '80', atMs: 3, expiresAtMs: 999_999 });
  engine.addTurn({ speaker: 'ann', text: 'are we ready', atMs: 1 });
  engine.addTurn({ speaker: 'bob', text: 'nearly', atMs: 2 });
  engine.addIdentity({ key: 'name', value: 'Ada' });
  for (const [name, more] of [
    ['shop', { description: 'buys', task_keywords: ['shop', 'basket'] }],
    ['pay', { description: 'pays', task_keywords: ['shop'] }],
    ['weather', { description: 'looks outside', task_keywords: ['rain'] }],
    ['login', { description: 'of b', task_keywords: ['sign in'], tenant_id: 'b' }],
  ] as const) {
    await skill.ingest({ name, code: 'x()', ...more, task_keywords: [...more.task_keywords] });
  }
  const trigger = { task_keywords: ['sign in'] };
  const login = { name: 'login', description: 'clicks through', when_to_apply: 'before anything else', trigger };
  await skills.ingest_distilled({ skills: [login] });
  for (let nth = 0; nth < 3; nth++) await skill.report({ skill_name: 'pay', outcome: 'failure' });
  await memory.add_fact({ subject: 'deploy day', body: 'Friday', fact_id: 'day1' });
  await memory.add_fact({
    subject: 'reminder',
    body: 'goes out the evening before',
    fact_id: 'mail',
    depends_on: ['day1'],
  });
  await memory.add_fact({ subject: 'strike', body: 'none', fact_id: 'strike' });
  await memory.add_fact({ subject: 'trip', body: 'by train', fact_id: 'trip', depends_on: ['strike'] });
  await memory.add_fact({ subject: 'secrets', body: 'never print them', kind: 'constraint', fact_id: 'c' });
  await memory.add_fact({ subject: 'deploy day', body: 'Tuesday', fact_id: 'day2', supersedes: 'day1' });
  await memory.invalidate({ fact_id: 'strike' });
}

// req: skills.context
test('six skills at most are named, the best ones, and an untried candidate among them', async () => {
  await using daemon = serve();
  const { skill, skills, memory } = await daemon.connect();
  const trigger = { task_keywords: ['shop'] };
  for (let nth = 0; nth < 8; nth++) await skill.ingest({ name: `s${nth}`, code: 'x', ...trigger });
  await skills.ingest_provisional({ skills: [{ name: 'new', trigger }] });
  for (let nth = 4; nth < 8; nth++) await skill.report({ skill_name: `s${nth}`, outcome: 'success' });
  await skill.report({ skill_name: 'new@cand', outcome: 'success' });
  const text = await memory.build_context({ query: 'the shop' });
  const [, named = ''] = /## Task Skills\n((?:- .*\n?)+)/.exec(text) ?? [];
  assert.deepEqual(
    named.trim().split('\n'),
    ['s4', 's5', 's6', 's7', 'new', 's0'].map((name) => `- ${name}`),
  );
});

// req: memory.rank.budget, memory.context.budget
test('facts and turns fill their share of the budget to the line, whatever the window', async () => {
  const memory = new MemoryEngine();
  await using daemon = serve({ sharedMemory: memory });
  const client = await daemon.connect();
  const lineTokens = 100;
  for (let nth = 100; nth < 400; nth++) {
    const start = `- f${nth} [usr] item ${nth}: `;
    const body = 'x'.repeat(lineTokens * charsPerToken - start.length);
    await client.memory.add_fact({ subject: `item ${nth}`, body, fact_id: `f${nth}` });
    memory.addTurn({ speaker: 'ann', text: 'y'.repeat(lineTokens * charsPerToken - '- ann: '.length), atMs: nth });
  }
  // Window, budget, lines of facts within half of it, lines of turns within three tenths.
  for (const [window, facts, turns] of [
    [undefined, 40, 24],
    [8_000, 10, 6],
    [9_096, 10, 6],
    [14_096, 20, 12],
    [14_095, 19, 11],
    [128_000, 247, 148],
    [2_000, 10, 6],
    [1_000, 5, 3],
    [0, 1, 0],
  ] as const) {
    for (const method of ['build_context', 'build_context_fast'] as const) {
      const text = await client.memory[method]({
        query: 'item',
        ...(window !== undefined && { model_context_window: window }),
      });
      const lines = text.split('\n').filter((line) => line.startsWith('- '));
      assert.ok(lines.every(({ length }) => length === lineTokens * charsPerToken || window === 0));
      const counted = [
        lines.filter((line) => line.startsWith('- f')).length,
        lines.filter((line) => line.startsWith('- ann')).length,
      ];
      assert.deepEqual(counted, [facts, turns], `${method} in a window of ${window}`);
    }
  }
});
