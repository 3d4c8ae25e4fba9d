// External coding agents, end to end, with stand-ins that speak their formats.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ExternalResult } from '@car-runtime/protocol';
import { serve } from '@car-runtime/testkit';
import { ExternalRig, streamed } from './external-rig.ts';

const session = '5f0c6a52-1d7e-4b0e-9a55-0c5d1c9f2a11';

function withoutTime({ duration_ms, ...result }: ExternalResult): Omit<ExternalResult, 'duration_ms'> {
  assert.ok(Number.isInteger(duration_ms) && duration_ms >= 0);
  return result;
}

const claudeUses = [
  { id: 'toolu_1', name: 'Read', input: { file_path: '/a.txt' } },
  { id: 'toolu_2', name: 'Grep', input: { pattern: 'x' } },
];
const codexUses = [
  { id: 'item_1', name: 'command_execution', input: { command: 'bash -lc ls' } },
  { id: 'item_2', name: 'web_search', input: { query: 'forty two' } },
  { id: 'item_3', name: 'car.note', input: { text: 'x' } },
  { id: 'item_4', name: 'file_change', input: { changes: [{ path: 'a.txt', kind: 'update' }] } },
];
const good: Record<string, Omit<ExternalResult, 'duration_ms'>> = {
  'claude-code': {
    answer: 'It is 42.',
    session_id: session,
    turns: 2,
    tool_calls: 2,
    tool_uses: claudeUses,
    total_cost_usd: 0.0125,
    is_error: false,
  },
  codex: { answer: 'It is 42.', session_id: session, turns: 1, tool_calls: 4, tool_uses: codexUses, is_error: false },
  gemini: { answer: 'It is 42.\nNothing else: ✓', turns: 1, tool_calls: 0, is_error: false },
};

// req: external.result, external.audit
test('a task is given to each agent, and its answer, its figures and its tools come back and are on record', async () => {
  await using rig = new ExternalRig();
  const client = await rig.daemon.connect();
  const results: Record<string, object> = {};
  for (const id of Object.keys(good)) {
    results[id] = withoutTime((await client.agents.invoke_external({ id, task: 'what is it?' })) as ExternalResult);
  }
  assert.deepEqual(results, good);
  const audit = rig.audit();
  assert.deepEqual(
    audit.map(({ adapter_id, task, result }) => [adapter_id, task, result['tool_uses']]),
    [
      ['claude-code', 'what is it?', claudeUses],
      ['codex', 'what is it?', codexUses],
      ['gemini', 'what is it?', []],
    ],
  );
  assert.ok(audit.every((record) => 'ts' in record && record.options['timeout_secs'] === 300));
});

// req: external.argv, external.own-folder
test('each agent gets the arguments and the input of its documentation, in the folder that was named', async () => {
  await using rig = new ExternalRig({ external: { mcpUrl: () => 'http://127.0.0.1:9102/mcp' } });
  const client = await rig.daemon.connect();
  const cwd = rig.folder.join('work');
  mkdirSync(cwd);
  for (const id of ['claude-code', 'codex', 'gemini'])
    await client.agents.invoke_external({ id, task: 'do it', cwd, max_turns: 3 });
  const [claude, codex, gemini] = rig.ran();
  const mcp = '{"mcpServers":{"car":{"type":"http","url":"http://127.0.0.1:9102/mcp"}}}';
  assert.deepEqual(
    claude?.args,
    '-p --output-format stream-json --input-format stream-json --verbose --max-turns 3 --mcp-config'
      .split(' ')
      .concat(mcp),
  );
  assert.deepEqual(JSON.parse(claude?.input ?? ''), {
    type: 'user',
    message: { role: 'user', content: [{ type: 'text', text: 'do it' }] },
  });
  assert.ok(claude?.input.endsWith('}\n'));
  assert.deepEqual(codex?.args, [
    ...['exec', '--json', '--skip-git-repo-check', '--ephemeral', '--cd', cwd],
    ...['-c', 'mcp_servers.car.url="http://127.0.0.1:9102/mcp"', '-'],
  ]);
  assert.equal(codex?.input, 'do it');
  assert.deepEqual(gemini?.args, ['-p', 'do it', '--yolo']);
  assert.deepEqual(new Set(rig.ran().map((ran) => ran.cwd)), new Set([cwd]));
});

// req: external.stream
test('a streamed task is accepted, then told as it happens, to the caller alone', async () => {
  await using rig = new ExternalRig();
  const client = await rig.daemon.connect();
  const other = await rig.daemon.connect({ as: 'host' });
  const silent = other.events('agents.chat.event')[Symbol.asyncIterator]().next();
  const said = await streamed(client, { id: 'claude-code', task: 'what is it?', session_id: 's1' });
  const common = { session_id: 's1', agent_id: 'claude-code' };
  const done = said.pop();
  assert.deepEqual(said, [
    { kind: 'token', delta: 'Let me see. ', ...common },
    { kind: 'tool_call', tool: 'Read', params: { file_path: '/a.txt' }, detail: 'Read', ...common },
    { kind: 'tool_call', tool: 'Grep', params: { pattern: 'x' }, detail: 'Grep', ...common },
    { kind: 'token', delta: 'It is 42.', ...common },
  ]);
  assert.deepEqual([done?.kind, done?.['text']], ['done', 'It is 42.']);
  assert.match(String(done?.['finish_reason']), /^stop turns=2 tool_calls=2 duration_ms=\d+ total_cost_usd=0\.0125$/);
  const ofGemini = await streamed(client, { id: 'gemini', task: 'what is it?' });
  assert.deepEqual(
    ofGemini.map(({ kind }) => kind),
    ['token', 'done'],
  );
  assert.equal(rig.audit().length, 2);
  assert.ok(await Promise.race([silent.then(() => false), other.server.status().then(() => true)]));
});

// req: external.failed, external.tolerant
test('agents that are slow, wordy or odd are understood, and those that fail say so in the result', async () => {
  await using rig = new ExternalRig();
  const client = await rig.daemon.connect();
  const run = async (id: string, task: string) =>
    withoutTime((await client.agents.invoke_external({ id, task })) as ExternalResult);
  for (const id of ['claude-code', 'codex', 'gemini']) {
    assert.deepEqual(await run(id, 'slow'), good[id], `${id} slow`);
    const crashed = await run(id, 'crash');
    assert.deepEqual([crashed.is_error, crashed.error], [true, 'it ended with exit code 3: fatal: out of luck'], id);
    assert.equal(crashed.answer, { 'claude-code': 'Let me see. ', codex: '', gemini: 'It is' }[id]);
  }
  for (const id of ['claude-code', 'codex']) {
    assert.deepEqual(await run(id, 'huge'), good[id], `${id} huge`);
    assert.match((await run(id, 'signal')).error ?? '', /^it was ended by SIGKILL/);
  }
  const odd = await run('claude-code', 'malformed');
  assert.deepEqual([odd.is_error, odd.answer], [false, 'It is 42.']);
  assert.deepEqual(await run('codex', 'malformed'), good['codex']);
  assert.match((await run('claude-code', 'endless')).error ?? '', /^it ended without a result/);
  assert.match((await run('codex', 'endless')).error ?? '', /^it ended before the turn did/);
  assert.equal((await run('claude-code', 'refused')).error, 'Reached maximum number of turns (1)');
  assert.match((await run('codex', 'refused')).error ?? '', /usage limit reached/);
  const [said] = await streamed(client, { id: 'claude-code', task: 'refused' });
  assert.deepEqual([said?.kind, said?.['error']], ['error', 'Reached maximum number of turns (1)']);
});

// req: external.unusable, external.failed
test('an agent that is unknown, not installed or not usable is an error of the result, and starts nothing', async () => {
  await using rig = new ExternalRig({ tools: ['codex'], env: { STAND_IN_BROKEN: 'codex' } });
  const client = await rig.daemon.connect();
  const run = async (id: string) => (await client.agents.invoke_external({ id, task: 'x' })) as ExternalResult;
  const [broken, missing, unknown] = [await run('codex'), await run('gemini'), await run('nobody')];
  assert.match(broken.error ?? '', /"codex" cannot be run: CAR_CODEX_BIN .* exit code 7/);
  assert.equal(missing.error, 'external agent "gemini" is not installed on this machine');
  assert.equal(unknown.error, 'unknown external agent "nobody"');
  assert.ok([broken, missing, unknown].every((result) => result.is_error && result.answer === ''));
  assert.deepEqual(rig.ran(), []);
  assert.equal(rig.audit().length, 3);
  const [said] = await streamed(client, { id: 'nobody', task: 'x' });
  assert.equal(said?.kind, 'error');
});

// req: external.tools-empty
test('no tools, some tools and nothing said of tools are three different things', async () => {
  await using rig = new ExternalRig({ external: { mcpUrl: () => 'http://127.0.0.1:9102/mcp' } });
  const client = await rig.daemon.connect();
  const run = async (id: string, allowed_tools?: string[]) =>
    (await client.agents.invoke_external({ id, task: 'x', ...(allowed_tools && { allowed_tools }) })) as ExternalResult;
  await run('claude-code', []);
  await run('claude-code', ['Read', 'Bash(git log:*)']);
  await run('claude-code');
  const [none, some, all] = rig.ran().map(({ args }) => args.slice(6));
  assert.deepEqual(none, ['--allowed-tools', '', '--tools', '', '--strict-mcp-config']);
  assert.deepEqual(some?.slice(0, 4), ['--allowed-tools', 'Read', 'Bash(git log:*)', '--mcp-config']);
  assert.deepEqual(all?.slice(0, 1), ['--mcp-config']);
  // They have no way to be held to a list: with one they are not run.
  for (const id of ['codex', 'gemini']) {
    assert.match((await run(id, [])).error ?? '', /cannot be held to allowed_tools/);
    assert.ok((await run(id, ['x'])).is_error);
  }
  assert.equal(rig.ran().length, 3);
  const wire = await rig.daemon.peer({ as: 'client' });
  const error = await wire.error('agents.invoke_external', {
    id: 'claude-code',
    task: 'x',
    allowed_tools: ['--dangerously-skip-permissions'],
  });
  assert.match(error.message, /allowed_tools\[0\]: must not begin with -/);
});

// req: external.mcp-empty
test('an MCP endpoint is the one that was named, the daemon’s own, or none', async () => {
  const own = 'http://127.0.0.1:9102/mcp';
  await using rig = new ExternalRig({ tools: ['codex'], external: { mcpUrl: () => own } });
  await using alone = new ExternalRig({ tools: ['codex'] });
  const [client, lonely] = [await rig.daemon.connect(), await alone.daemon.connect()];
  await client.agents.invoke_external({ id: 'codex', task: 'x' });
  await client.agents.invoke_external({ id: 'codex', task: 'x', mcp_endpoint: 'https://example.org/mcp"x' });
  await client.agents.invoke_external({ id: 'codex', task: 'x', mcp_endpoint: '' });
  await lonely.agents.invoke_external({ id: 'codex', task: 'x' });
  const told = [...rig.ran(), ...alone.ran()].map(({ args }) => args.find((each) => each.startsWith('mcp_servers')));
  assert.deepEqual(told, [
    `mcp_servers.car.url="${own}"`,
    String.raw`mcp_servers.car.url="https://example.org/mcp\"x"`,
    undefined,
    undefined,
  ]);
});

// req: external.attachments
test('attachments are told by their content, and those that cannot be handed on are counted', async () => {
  await using rig = new ExternalRig();
  const client = await rig.daemon.connect();
  const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from('pixels')]);
  const files: Record<string, Buffer> = { 'a.jpg': png, 'b.png': Buffer.from('just text'), 'c d,e.png': png };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(rig.folder.join(name), bytes);
  writeFileSync(rig.folder.join('large.png'), Buffer.concat([png, Buffer.alloc(32 * 1024 * 1024)]));
  const attachments = [...Object.keys(files), 'large.png', 'none.png', '.'].map((name) => ({
    path: rig.folder.join(name),
    media_type: 'image/jpeg',
  }));
  const dropped: unknown[] = [];
  for (const id of ['claude-code', 'codex', 'gemini']) {
    const result = (await client.agents.invoke_external({ id, task: 'look', attachments })) as ExternalResult;
    dropped.push(result.dropped_attachments);
  }
  assert.deepEqual(dropped, [4, 3, 4]);
  const [claude, codex, gemini] = rig.ran();
  const { message } = JSON.parse(claude?.input ?? '') as { message: { content: object[] } };
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png.toString('base64') } };
  assert.deepEqual(message.content, [{ type: 'text', text: 'look' }, image, image]);
  const images = codex?.args.filter((each) => each.startsWith('--image='));
  assert.deepEqual(
    images?.map((each) => each.replace(/^--image=.*\//, '')),
    ['attachment-1.png', 'attachment-2.bin', 'attachment-3.png'],
  );
  assert.match(gemini?.args[1] ?? '', /^look @\/.*\/attachment-1\.png @\/.*\/attachment-2\.png$/);
  assert.equal(gemini?.args[3], '--include-directories');
  const wire = await rig.daemon.peer({ as: 'client' });
  const params = { id: 'codex', task: 'x', attachments: [{ path: 'a.png' }] };
  assert.match((await wire.error('agents.invoke_external', params)).message, /attachments "a\.png" is not an absolute/);
});

// req: external.environment
test('an agent gets the environment of the daemon, without the daemon’s credentials under any name', async () => {
  const env: Record<string, string> = {
    ANTHROPIC_API_KEY: 'of-the-user',
    CAR_AUTH_TOKEN: 'x',
    CAR_AGENT_TOKEN: 'y',
    OTEL_EXPORTER_OTLP_HEADERS: 'z',
  };
  await using rig = new ExternalRig({ external: { env } });
  env['CAR_CODEX_BIN'] = rig.install('codex');
  env['STAND_IN_LOG'] = rig.logPath;
  env['LEAK'] = `Bearer ${rig.daemon.hostToken}`;
  const client = await rig.daemon.connect();
  await client.agents.invoke_external({ id: 'codex', task: 'x' });
  const [ran] = rig.ran();
  assert.equal(ran?.env['ANTHROPIC_API_KEY'], 'of-the-user');
  const text = JSON.stringify(ran);
  for (const name of ['CAR_AUTH_TOKEN', 'CAR_AGENT_TOKEN', 'OTEL_EXPORTER', 'LEAK'])
    assert.ok(!text.includes(name), name);
  assert.ok(!text.includes(rig.daemon.hostToken) && !text.includes(rig.daemon.authToken));
});

// req: external.roles
test('no agent gives tasks to external agents, looks for them or asks how they are', async () => {
  await using rig = new ExternalRig();
  const wire = await rig.daemon.peer({ as: { agent: 'a1' } });
  for (const method of ['list', 'detect', 'health', 'invoke']) {
    const error = await wire.error(`agents.${method}_external`, { id: 'codex', task: 'x' });
    assert.equal(error.data?.['reason'], 'forbidden', method);
  }
  assert.deepEqual(rig.ran(), []);
  await using strict = serve({ config: { strictRoles: true, externalAgents: { env: {} } } });
  const client = await strict.peer({ as: 'client' });
  const params = { id: 'codex', task: 'x' };
  assert.equal((await client.error('agents.invoke_external', params)).data?.['reason'], 'forbidden');
  const host = await strict.connect({ as: 'host' });
  assert.ok('is_error' in (await host.agents.invoke_external(params)));
});

// req: external.unusable
test('what is no program is unusable, and says so by its path', async () => {
  await using rig = new ExternalRig({ tools: [] });
  const plain = rig.folder.join('plain');
  writeFileSync(plain, 'not a program');
  chmodSync(plain, 0o644);
  await using pinned = new ExternalRig({ tools: [], env: { CAR_CODEX_BIN: plain, CAR_GEMINI_BIN: 'relative/gemini' } });
  const client = await pinned.daemon.connect();
  const list = await client.agents.list_external();
  assert.deepEqual(
    list.map(({ id, binary_path, execution, health }) => [id, binary_path, execution?.state, health?.status]),
    [
      ['codex', plain, 'unusable', 'not_executable'],
      ['gemini', 'relative/gemini', 'unusable', 'not_executable'],
    ],
  );
  assert.deepEqual(await (await rig.daemon.connect()).agents.list_external(), []);
});
