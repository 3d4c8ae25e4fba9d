// Skills over the wire: kept, found, governed, exchanged.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { ServerState, type SkillModel } from '@car-runtime/core';
import { serve, TempFolder } from '@car-runtime/testkit';

const trusted = { signed: true, signer_trusted: true, scanned: true };

// req: skills.ingest, skills.find, skills.report
test('a skill that was ingested is found with its code, and outcomes are counted', async () => {
  await using daemon = serve();
  const { skill, skills } = await daemon.connect();
  const node = await skill.ingest({ name: 'login', code: 'click()', persona: 'tester', task_keywords: ['sign in'] });
  assert.equal(typeof node, 'number');
  assert.deepEqual(await skill.find({ persona: 'nobody' }), []);
  const [hit] = await skill.find({ persona: 'Tester', task: 'please sign in' });
  assert.deepEqual([hit?.name, hit?.code, hit?.stats.success_count], ['login', 'click()', 0]);
  const first = await skill.report({ skill_name: 'login', outcome: 'success' });
  const second = await skill.report({ skill_name: 'login', outcome: 'Success' });
  assert.deepEqual([first.success_count, second.fail_count, second.completion_rate], [1, 1, 0.5]);
  assert.match(second.last_used_at ?? '', /^\d{4}-\d\d-\d\dT/);
  await assert.rejects(skill.report({ skill_name: 'unknown', outcome: 'success' }), { reason: 'unknown_skill' });
  assert.deepEqual(await skills.list({}), [await skill.meta({ key: 'login' })]);
});

// req: skills.complaints
test('a complaint is a failure that is counted as one besides, and stays with the skill in a file of rows', async () => {
  using folder = new TempFolder();
  await using daemon = serve({ config: { stateRoot: folder.join('root'), memoryDir: folder.join('root', 'memory') } });
  const [{ skill, memory }, other] = [await daemon.connect(), await daemon.connect()];
  await skill.ingest({ name: 'login', code: 'x' });
  const outcomes = ['failure', 'complaint', 'Complaint', 'success', 'complaint'];
  for (const outcome of outcomes) await skill.report({ skill_name: 'login', outcome });
  const stats = (await skill.meta({ key: 'login' }))?.stats;
  assert.deepEqual([stats?.success_count, stats?.fail_count, stats?.complaint_count], [1, 4, 2]);
  assert.equal(stats?.degraded, true);
  await memory.persist({ path: 'skills.json' });
  await other.memory.load({ path: 'skills.json' });
  assert.deepEqual((await other.skill.meta({ key: 'login' }))?.stats, stats);
});

// req: skills.meta, skills.list
test('meta and list show everything about a skill, the degraded ones included', async () => {
  await using daemon = serve();
  const { skill, skills } = await daemon.connect();
  await skill.ingest({ name: 'a', code: 'x', url_pattern: 'https://a/*', scope: { Domain: 'a.example' } });
  await skill.ingest({ name: 'b', code: 'y', scope: 'Global' });
  await skill.ingest({ name: 'c', code: 'z', scope: { domain: 'c.example' } });
  for (let n = 0; n < 3; n++) await skill.report({ skill_name: 'b', outcome: 'failure' });
  assert.equal(await skill.meta({ key: 'unknown' }), null);
  const meta = await skill.meta({ key: 'a' });
  assert.deepEqual(meta, {
    name: 'a',
    code: 'x',
    platform: '',
    description: '',
    trigger: { persona: '', url_pattern: 'https://a/*', task_keywords: [] },
    scope: { domain: 'a.example' },
    when_to_apply: '',
    stats: { success_count: 0, fail_count: 0, degraded: false, broken_for_repair: false },
    version: 1,
    status: 'active',
  });
  const names = async (domain?: string): Promise<string[]> =>
    (await skills.list(domain === undefined ? {} : { domain })).map(({ name }) => name);
  assert.deepEqual(
    [await names(), await names('a.example')],
    [
      ['a', 'b', 'c'],
      ['a', 'b'],
    ],
  );
  assert.equal((await skill.meta({ key: 'b' }))?.stats.degraded, true);
  assert.deepEqual(await skills.domains_needing_evolution(), []);
});

// req: skills.persistence
test('skills, their outcomes and what was granted them outlive the daemon', async () => {
  using folder = new TempFolder();
  const config = { stateRoot: folder.join('root'), keepsSharedMemory: true };
  {
    await using daemon = serve({ config });
    const { skill, skills } = await daemon.connect();
    await skill.ingest_governed({ name: 'a', code: 'x', provenance: trusted, requested_tier: 'sandbox_edit' });
    await skill.report({ skill_name: 'a', outcome: 'success' });
    await skills.ingest_provisional({ skills: [{ name: 'a', code: 'y' }] });
  }
  await using daemon = serve({ config });
  const { skill } = await daemon.connect();
  const meta = await skill.meta({ key: 'a' });
  assert.deepEqual([meta?.code, meta?.stats.success_count, meta?.deployment_tier], ['x', 1, 'sandbox_edit']);
  assert.equal((await skill.meta({ key: 'a@cand' }))?.status, 'provisional');
});

// req: skills.provisional, skills.consolidate
test('consolidation decides candidates and writes down how', async () => {
  await using daemon = serve();
  const { skill, skills, memory, events } = await daemon.connect();
  await skill.ingest({ name: 'a', code: 'x' });
  assert.deepEqual(await skills.ingest_provisional({ skills: [{ name: 'a', code: 'y' }] }), { ingested: 1 });
  assert.deepEqual(await skills.ingest_provisional({ skills: [{ name: 'a', code: 'y' }] }), { ingested: 0 });
  for (let n = 0; n < 5; n++) await skill.report({ skill_name: 'a@cand', outcome: 'success' });
  const report = await memory.consolidate();
  assert.deepEqual([report.candidates_promoted, report.candidates_rejected], [['a@cand'], []]);
  const logged = await events.query({ kinds: ['candidate_promoted'] });
  assert.equal(JSON.stringify(logged).includes('a@cand'), true);
  assert.deepEqual(await skills.gate(), { promoted: [], rejected: [] });
  assert.equal((await skill.meta({ key: 'a' }))?.code, 'y');
});

// req: skills.model
test('without a model nothing is distilled or repaired, and evolving says why it cannot', async () => {
  await using daemon = serve();
  const { skill, skills } = await daemon.connect();
  const events = [{ kind: 'action_failed', tool: 't', state_before: null }];
  assert.deepEqual(await skills.distill({ events }), []);
  await assert.rejects(skills.evolve({ events, domain: 'd' }), { reason: 'no_model' });
  await skill.ingest({ name: 'a', code: 'x' });
  for (let n = 0; n < 3; n++) await skill.report({ skill_name: 'a', outcome: 'failure' });
  assert.equal(await skill.repair({ skill_name: 'a' }), null);
  assert.equal(await skill.repair({ skill_name: 'unknown' }), null);
});

// req: skills.model, skills.distilled
test('what a model distils is accepted unchanged, and it repairs only what is broken', async () => {
  const distilled = {
    name: 'from-traces',
    code: 'do()',
    description: '',
    when_to_apply: 'always',
    trigger: { persona: '', url_pattern: '', task_keywords: ['x'] },
    origin: { anything: [1, 2] },
  };
  await using daemon = serve({
    config: {
      skillModel: {
        distill: async () => [distilled],
        evolve: async (_events, known) => known.map(({ name }) => ({ ...distilled, name: `${name}-2` })),
        repair: async ({ code }) => `mended ${code}`,
      },
    },
  });
  const { skill, skills } = await daemon.connect();
  const found = await skills.distill({ events: [{ kind: 'action_succeeded' }] });
  assert.deepEqual(found, [distilled]);
  assert.deepEqual(await skills.ingest_distilled({ skills: found }), { ingested: 1 });
  assert.equal((await skill.meta({ key: 'from-traces' }))?.platform, 'distilled');
  const evolved = await skills.evolve({ events: [], domain: 'd' });
  assert.deepEqual(
    evolved.map(({ name }) => name),
    ['from-traces-2'],
  );
  assert.equal(await skill.repair({ skill_name: 'from-traces' }), null);
  for (let n = 0; n < 3; n++) await skill.report({ skill_name: 'from-traces', outcome: 'failure' });
  assert.deepEqual(await skill.repair({ skill_name: 'from-traces' }), { code: 'mended do()' });
  assert.equal((await skill.meta({ key: 'from-traces' }))?.code, 'do()');
});

// req: skills.model
test('a model that fails to mend leaves the skill as it is: no code, and no error', async () => {
  const failing = async (): Promise<never> => {
    throw new Error('the model is gone');
  };
  await using daemon = serve({ config: { skillModel: { distill: failing, evolve: failing, repair: failing } } });
  const { skill, skills, memory, proposal } = await daemon.connect();
  await skill.ingest({ name: 'a', code: 'x' });
  for (let n = 0; n < 3; n++) await skill.report({ skill_name: 'a', outcome: 'failure' });
  assert.equal(await skill.repair({ skill_name: 'a' }), null);
  await assert.rejects(skills.distill({ events: [] }), { reason: 'model_failed' });
  await assert.rejects(skills.evolve({ events: [], domain: 'd' }), { reason: 'model_failed' });
  await proposal.submit({ proposal: { actions: [{ id: 'a', type: 'tool_call', tool: 'none', parameters: {} }] } });
  assert.equal((await memory.consolidate()).distilled, 0, 'nor does it keep the memory from being tidied up');
});

// req: skills.consolidate
test('consolidation has a model distil what actions of this session came to, into candidates that are tried first', async () => {
  const asked: unknown[][] = [];
  const distill: SkillModel['distill'] = async (events) => {
    asked.push([...events]);
    const trigger = { persona: '', url_pattern: '', task_keywords: [] };
    return [{ name: 'retry', code: 'again()', description: '', when_to_apply: '', trigger }];
  };
  await using daemon = serve({
    config: { skillModel: { distill, evolve: async () => [], repair: async () => undefined } },
  });
  const client = await daemon.connect();
  assert.equal((await client.memory.consolidate()).distilled, 0);
  assert.deepEqual(asked, [], 'nothing happened that could teach anything');
  await client.registerTool('flaky', { type: 'object' }, () => {
    throw new Error('disk is full');
  });
  await client.proposal.submit({
    proposal: { actions: [{ id: 'a1', type: 'tool_call', tool: 'flaky', parameters: {} }] },
  });
  assert.equal((await client.memory.consolidate()).distilled, 1);
  const event = asked[0]?.[0] as Record<string, unknown> | undefined;
  assert.deepEqual(
    [event?.['kind'], event?.['action_id'], event?.['tool'], event?.['state_before'], event?.['state_after']],
    ['action_failed', 'a1', 'flaky', null, null],
  );
  assert.match(String(event?.['error']), /disk is full/);
  assert.equal((await client.skill.meta({ key: 'retry@cand' }))?.status, 'provisional');
  assert.equal(await client.skill.meta({ key: 'retry' }), null);
  assert.equal((await client.memory.consolidate()).distilled, 0, 'it is on trial already');
});

// req: skills.export, skills.import
test('a skill travels as a document; one that was changed on the way is refused', async () => {
  await using daemon = serve();
  const { skill } = await daemon.connect();
  const code = 'line one\n```\n"quotes" and \\ and \u00fc\n+++\n';
  await skill.ingest({ name: 'a', code, description: 'does a', task_keywords: ['k'], scope: { domain: 'd' } });
  await skill.report({ skill_name: 'a', outcome: 'success' });
  const markdown = (await skill.export({ key: 'a' })) ?? '';
  assert.match(markdown, /^\+\+\+\nname = "a"\n/);
  assert.match(markdown, /digest = "sha256:[0-9a-f]{64}"/);
  const other = await daemon.connect();
  assert.deepEqual(await other.skill.import({ markdown }), { imported: true });
  const meta = await other.skill.meta({ key: 'a' });
  assert.deepEqual([meta?.code, meta?.scope, meta?.stats.success_count], [code, { domain: 'd' }, 0]);
  await assert.rejects(skill.import({ markdown: markdown.replace('does a', 'does b') }), { reason: 'digest_mismatch' });
  for (const broken of ['', 'no front matter', '+++\nname = \n+++\n', '+++\nname = "a"\n+++\n']) {
    await assert.rejects(skill.import({ markdown: broken }), { reason: 'malformed_document' }, broken);
  }
  assert.equal(await skill.export({ key: 'unknown' }), null);
  for (let n = 0; n < 4; n++) await skill.report({ skill_name: 'a', outcome: 'failure' });
  assert.equal(await skill.export({ key: 'a' }), null);
});

// req: skills.governed, skills.deployment-tier
test('a governed skill is kept with its tier, which caps what is done for it', async () => {
  await using daemon = serve();
  const { skill, permission } = await daemon.connect();
  const verified = { signed: true, scanned: true };
  const asked = { name: 'a', code: 'x', provenance: verified, requested_tier: 'full_access' as const };
  const { ingested, decision, enforcement } = await skill.ingest_governed(asked);
  assert.deepEqual(
    [ingested, decision.outcome, decision.trust, enforcement.effective_tier],
    [true, 'downgrade', 'verified', 'sandbox_edit'],
  );
  const proposal = { actions: [{ id: 'w', type: 'tool_call' as const, tool: 'read_file', parameters: { path: 'a' } }] };
  const ceiling = async (name: string): Promise<unknown> =>
    (await permission.evaluate({ proposal, skill: name })).skill_ceiling;
  assert.deepEqual([await ceiling('a'), await ceiling('unknown')], ['sandbox_edit', 'read_only']);
  for (let n = 0; n < 3; n++) await skill.report({ skill_name: 'a', outcome: 'failure' });
  assert.equal(await ceiling('a'), 'read_only');
  const claimed = { ...trusted, success_count: 99 };
  const again = await skill.gate_deployment({ skill_name: 'a', provenance: claimed, requested_tier: 'read_only' });
  assert.deepEqual([again.trust, again.outcome], ['untrusted', 'deny']);
});

// req: skills.governed
test('what may not be deployed is not in the memory until a person approves it, and never once it is rejected', async () => {
  await using daemon = serve();
  const { skill, permission } = await daemon.connect({ as: 'host' });
  const asked = { name: 'a', code: 'x', requested_tier: 'read_only' as const };
  const { ingested, node, pending_approval: pending } = await skill.ingest_governed(asked);
  assert.deepEqual([ingested, node, pending?.skill_name], [false, undefined, 'a']);
  assert.equal(await skill.meta({ key: 'a' }), null);
  await permission.approve({ fingerprint: pending?.fingerprint ?? '', required_tier: 'read_only' });
  const second = await skill.ingest_governed(asked);
  assert.deepEqual([second.ingested, second.enforcement.overridden], [true, true]);
  const otherCode = await skill.ingest_governed({ ...asked, code: 'y' });
  assert.equal(otherCode.ingested, false);
  await permission.reject({ fingerprint: otherCode.pending_approval?.fingerprint ?? '', required_tier: 'read_only' });
  const third = await skill.ingest_governed({ ...asked, code: 'y' });
  assert.deepEqual([third.ingested, third.enforcement.blocked, third.pending_approval], [false, true, undefined]);
  assert.equal((await skill.meta({ key: 'a' }))?.code, 'x');
});

// req: skills.packs
test('a pack is loaded skill by skill, and its signature is checked, not believed', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const public_key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
  await using daemon = serve({ config: { trustedSkillSigners: [public_key] } });
  const { skill } = await daemon.connect();
  const skills = [
    { name: 'good', code: 'x' },
    { name: '../evil', code: 'y' },
  ];
  const signed = skills.map(({ name, code }) => [name, code, '', '', '', '', '', '', [], '']);
  const signature = sign(null, Buffer.from(JSON.stringify(signed)), privateKey).toString('base64');
  const pack = { name: 'tools', skills };
  const adopt = { pack, scanned: true, requested_tier: 'full_access' as const };
  const adopted = await skill.adopt_pack({ ...adopt, manifest: { public_key, signature } });
  assert.deepEqual([adopted.loaded, adopted.refused.map(({ skill_id }) => skill_id)], [['good'], ['../evil']]);
  assert.deepEqual([adopted.provenance.signer_trusted, adopted.trusted_signers], [true, 1]);
  assert.equal((await skill.meta({ key: 'good' }))?.deployment_tier, 'full_access');
  const forged = { name: 'tools', skills: [{ name: 'good', code: 'changed' }] };
  const refused = await skill.adopt_pack({ ...adopt, pack: forged, manifest: { public_key, signature } });
  assert.deepEqual([refused.provenance.signed, refused.provenance.signer_trusted], [false, false]);
  assert.equal((await skill.meta({ key: 'good' }))?.deployment_tier, 'read_only');
  const unscanned = await skill.adopt_pack({ pack: { skills: [{ name: 'new', code: 'z' }] } });
  assert.deepEqual([unscanned.loaded, unscanned.pending.map(({ skill_id }) => skill_id)], [[], ['new']]);
  await assert.rejects(skill.adopt_pack({ ...adopt, manifest: { public_key, signature }, provenance: trusted }), {
    code: -32602,
  });
});

// req: skills.config
test('the operator lowers what skills of the community may do, and says how facts are ordered from the start', async () => {
  await using daemon = serve({
    config: { communitySkillCeiling: null, memoryUtility: { weight: 0.5, exploration: 1 } },
  });
  const client = await daemon.connect();
  const pack = { skills: [{ name: 'good', code: 'x' }] };
  const { loaded, pending } = await client.skill.adopt_pack({ pack, scanned: true });
  assert.deepEqual([loaded, pending.map(({ skill_id }) => skill_id)], [[], ['good']]);
  assert.deepEqual(await client.memory.utility_get(), { utility_weight: 0.5, utility_exploration: 1 });
});

// req: skills.packs
test('a keyring with a slip in it does not start', () => {
  assert.throws(
    () => ServerState.withConfig({ journalDir: '/nowhere', trustedSkillSigners: ['not a key'] }),
    /it is no Ed25519 key/,
  );
});

// req: skills.names
test('a skill name that could be a path is refused with the field that is wrong', async () => {
  await using daemon = serve();
  const { skill } = await daemon.connect();
  for (const name of ['../x', 'a/b', 'a\u0000b', 'b@cand']) {
    await assert.rejects(skill.ingest({ name, code: '' }), { code: -32602, reason: 'bad_skill_name' }, name);
  }
});
