// The built-in tools as sessions meet them: who is asked first, whose folder they work in, and who may choose it.
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readFileSync, realpathSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import type { ServerStateConfig } from '@car-runtime/core';
import { serve, TempFolder, type As, type TestDaemon } from '@car-runtime/testkit';
import { builtinTools } from '../src/domains/builtins/definitions.ts';

const names = ['calculate', 'edit_file', 'find_files', 'grep_files', 'list_dir', 'read_file', 'write_file'];

/** A folder to work in, with files, beside one that is not. */
class Folders implements Disposable {
  readonly #folder = new TempFolder();
  readonly top = realpathSync(this.#folder.path);
  readonly root = `${this.top}/root`;

  constructor() {
    for (const path of [this.root, `${this.root}/sub`, `${this.top}/other`]) mkdirSync(path);
    writeFileSync(`${this.root}/a.txt`, 'one\n');
    writeFileSync(`${this.root}/sub/b.txt`, 'two\n');
    writeFileSync(`${this.top}/other/secret.txt`, 'secret\n');
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

async function run(
  client: Client,
  tool: string,
  parameters: Record<string, unknown>,
  more: object = {},
): Promise<unknown> {
  const action = { id: 'a', type: 'tool_call' as const, tool, parameters, ...more };
  const { results } = await client.proposal.submit({ proposal: { actions: [action] } });
  return results[0]?.status === 'succeeded' ? results[0].output : `${results[0]?.status}: ${results[0]?.error}`;
}

function open(config: Partial<ServerStateConfig> = {}): TestDaemon {
  return serve({ config });
}

/** A client whose session lists the built-in tools. */
async function session(daemon: TestDaemon, params: { root?: string } = {}, as: As = 'client'): Promise<Client> {
  const client = await daemon.connect({ as });
  assert.equal(await client.agents.register_basics(params), null);
  return client;
}

const line = (text: string): string => `     1\t${text}`;

// req: builtins.register
test('agents.register_basics adds the seven tools to its own session only', async () => {
  await using daemon = open();
  const [client, other] = [await daemon.connect(), await daemon.connect()];
  assert.deepEqual(
    (await client.tools.list()).tools.map(({ name }) => name),
    ['messaging.send'],
  );
  assert.equal(await client.agents.register_basics(), null);
  const { tools } = await client.tools.list();
  const listed = tools.filter(({ name }) => name !== 'messaging.send');
  assert.deepEqual(
    listed.map(({ name }) => name),
    names,
  );
  for (const { source, description, parameters } of listed) {
    assert.equal(source, 'builtin');
    assert.ok(description.length > 40 && Object.keys(parameters['properties'] as object).length > 0);
  }
  assert.equal((await other.tools.list()).count, 1);
  const wire = await daemon.peer({ as: 'client' });
  assert.equal(await wire.result('agents.register_basics', null), null);
});

test('every parameter of a built-in tool is described, and every schema is one that a user could register', async () => {
  await using daemon = open();
  const client = await daemon.connect();
  assert.equal(await client.tools.register(builtinTools.map(({ name, parameters }) => ({ name, parameters }))), 7);
  for (const { name, parameters } of builtinTools)
    for (const [parameter, schema] of Object.entries(parameters['properties'] as Record<string, object>))
      assert.ok('description' in schema, `${name} ${parameter}`);
});

test('a tool that the client registered under such a name keeps its definition', async () => {
  await using daemon = open();
  const client = await daemon.connect();
  await client.registerTool('read_file', { type: 'object', title: 'mine' }, () => 'mine');
  await client.agents.register_basics();
  const mine = (await client.tools.list()).tools.find(({ name }) => name === 'read_file');
  assert.deepEqual([mine?.parameters['title'], mine?.source], ['mine', 'user_defined']);
  assert.equal(await run(client, 'read_file', { path: 'x' }), 'mine');
});

// req: builtins.dispatch-order, builtins.no-handler
test('the client is asked first; its "unknown tool" leaves a call to the built-in tool, and no other error does', async () => {
  using folders = new Folders();
  await using daemon = open({ toolRoot: folders.root });
  const client = await daemon.connect();
  let answer = 'unknown tool';
  const asked: string[] = [];
  for (const tool of ['read_file', 'calculate', 'mine']) {
    await client.registerTool(tool, {}, () => {
      asked.push(tool);
      throw new Error(answer);
    });
  }
  assert.deepEqual(await run(client, 'calculate', { expression: '6 * 7' }), { result: 42 });
  answer = 'unknown tool: read_file, sorry';
  assert.deepEqual(await run(client, 'read_file', { path: 'a.txt' }), {
    path: 'a.txt',
    content: line('one'),
    total_lines: 1,
  });
  assert.equal(await run(client, 'mine', {}), "failed: no handler for tool 'mine'");
  for (answer of ['Unknown tool', ' unknown tool', 'an unknown tool', 'unknown  tool', 'failed'])
    assert.equal(await run(client, 'calculate', { expression: '1' }), `failed: ${answer}`);
  assert.deepEqual(asked.slice(0, 3), ['calculate', 'read_file', 'mine']);
});

test('parameters that came past the schema of a built-in tool are checked all the same', async () => {
  using folders = new Folders();
  await using daemon = open({ toolRoot: folders.root });
  const client = await daemon.connect();
  await client.tools.register(names.map((name) => ({ name })));
  assert.equal(await run(client, 'read_file', {}), "failed: Cannot run read_file: parameter 'path' is required");
  assert.equal(
    await run(client, 'read_file', { path: ['a.txt'] }),
    "failed: Cannot run read_file: parameter 'path' must be string",
  );
  assert.equal(
    await run(client, 'calculate', { expression: 7 }),
    "failed: Cannot run calculate: parameter 'expression' must be string",
  );
});

// req: builtins.no-root
test('without a root folder the file tools say how to get one, and calculate works', async () => {
  await using daemon = open();
  const client = await session(daemon);
  assert.equal(
    await run(client, 'list_dir', {}),
    'failed: Cannot list ".": this session has no root folder; call agents.register_basics with { "root": "/absolute/path" }, or start the daemon with --tool-root',
  );
  assert.deepEqual(await run(client, 'calculate', { expression: '1 + 1' }), { result: 2 });
  await using broken = open({ toolRoot: '/nowhere/at/all' });
  assert.equal(
    await run(await session(broken), 'list_dir', {}),
    'failed: Cannot list ".": the daemon\'s root folder cannot be used: it does not exist',
  );
});

// req: builtins.session-root
test('a client works in the folder it names, or in one beneath that of the daemon', async () => {
  using folders = new Folders();
  await using daemon = open({ toolRoot: folders.root });
  const client = await session(daemon, { root: `${folders.top}/other` });
  assert.deepEqual(await run(client, 'find_files', { pattern: '*' }), { files: ['secret.txt'] });
  await client.agents.register_basics({ root: 'sub' });
  assert.deepEqual(await run(client, 'find_files', { pattern: '*' }), { files: ['b.txt'] });
  await client.agents.register_basics();
  assert.deepEqual(await run(client, 'find_files', { pattern: '*' }), { files: ['b.txt'] }, 'the root stays');
  const other = await session(daemon);
  assert.deepEqual(await run(other, 'find_files', { pattern: '*' }), { files: ['a.txt', 'sub/b.txt'] });
});

test('a root that cannot be is refused, and the one before it stays', async () => {
  using folders = new Folders();
  await using daemon = open({ toolRoot: folders.root });
  const client = await session(daemon, { root: 'sub' });
  symlinkSync(`${folders.top}/other`, `${folders.root}/out`);
  const problems: Record<string, RegExp> = {
    [`${folders.top}/nothing`]: /^Cannot use folder ".*nothing": it does not exist$/,
    [`${folders.root}/a.txt`]: /^Cannot use folder ".*a.txt": it is not a folder$/,
    '../other': /its path contains ".."$/,
    out: /its path leads outside the root folder$/,
    nothing: /it does not exist$/,
    '/\0': /NUL/,
  };
  for (const [root, problem] of Object.entries(problems)) {
    await assert.rejects(client.agents.register_basics({ root }), (error: { message: string; data: unknown }) => {
      assert.deepEqual(error.data, { reason: 'bad_folder' });
      return problem.test(error.message);
    });
  }
  assert.deepEqual(await run(client, 'find_files', { pattern: '*' }), { files: ['b.txt'] });
  await using bare = open();
  await assert.rejects((await bare.connect()).agents.register_basics({ root: 'sub' }), /no root folder of its own$/);
});

// req: builtins.root-roles
test('an agent never names a folder of the host, and under strict roles only a host does', async () => {
  using folders = new Folders();
  await using daemon = open({ toolRoot: folders.root });
  const agent = await session(daemon, { root: 'sub' }, { agent: 'mia' });
  for (const root of [`${folders.top}/other`, folders.root, '/']) {
    await assert.rejects(agent.agents.register_basics({ root }), (error: { message: string; data: unknown }) => {
      assert.deepEqual(error.data, { reason: 'forbidden', role: 'agent' });
      return /not available to agents/.test(error.message);
    });
  }
  assert.deepEqual(await run(agent, 'find_files', { pattern: '*' }), { files: ['b.txt'] });

  await using strict = open({ toolRoot: folders.root, strictRoles: true });
  const root = `${folders.top}/other`;
  await assert.rejects((await strict.connect()).agents.register_basics({ root }), /needs the host role/);
  const host = await session(strict, { root }, 'host');
  assert.deepEqual(await run(host, 'find_files', { pattern: '*' }), { files: ['secret.txt'] });
  assert.deepEqual(await run(await session(strict), 'find_files', { pattern: 'a*' }), { files: ['a.txt'] });
});

test("a folder that became a link since it was chosen is not another session's way out", async () => {
  using folders = new Folders();
  await using daemon = open({ toolRoot: folders.root });
  const client = await session(daemon, { root: 'sub' });
  renameSync(`${folders.root}/sub`, `${folders.root}/moved`);
  symlinkSync(`${folders.top}/other`, `${folders.root}/sub`);
  assert.equal(
    await run(client, 'list_dir', {}),
    'failed: Cannot list ".": the root folder cannot be used: it is not where it was any more',
  );
});

// req: builtins.private-root
test("the daemon's own files are out of reach, also for a client that names their folder", async () => {
  using folders = new Folders();
  mkdirSync(`${folders.root}/state`);
  writeFileSync(`${folders.root}/state/token`, 'token');
  await using daemon = open({ toolRoot: folders.root, privatePaths: [`${folders.root}/state`] });
  const client = await session(daemon);
  const own = "it is one of the daemon's own files";
  assert.equal(await run(client, 'read_file', { path: 'state/token' }), `failed: Cannot read "state/token": ${own}`);
  assert.deepEqual(await run(client, 'grep_files', { pattern: 'token' }), {
    matches: [],
    files_searched: 2,
    folders_skipped: 1,
  });
  await assert.rejects(client.agents.register_basics({ root: `${folders.root}/state` }), /daemon's own files$/);
  await assert.rejects(client.agents.register_basics({ root: 'state' }), /daemon's own files$/);
  await assert.rejects(client.agents.register_basics({ root: daemon.state.journalDir }), /daemon's own files$/);

  await using inside = open({ toolRoot: `${folders.root}/sub`, privatePaths: [folders.root] });
  assert.deepEqual(await run(await session(inside), 'find_files', { pattern: '*' }), { files: ['b.txt'] });
  const nearby = await inside.connect();
  await assert.rejects(nearby.agents.register_basics({ root: `${folders.root}/state` }), /daemon's own files$/);
  await nearby.agents.register_basics({ root: `${folders.root}/sub` });
});

// req: builtins.read-before-change
test('what one session has read, another has not', async () => {
  using folders = new Folders();
  await using daemon = open({ toolRoot: folders.root });
  const [first, second] = [await session(daemon), await session(daemon)];
  await run(first, 'read_file', { path: './a.txt' });
  const unread = 'it exists and was not read yet; read_file comes before';
  assert.equal(
    await run(second, 'edit_file', { path: 'a.txt', old_string: 'one', new_string: '1' }),
    `failed: Cannot edit "a.txt": ${unread} editing`,
  );
  assert.equal(
    await run(second, 'write_file', { path: 'a.txt', content: '' }),
    `failed: Cannot write "a.txt": ${unread} overwriting`,
  );
  assert.deepEqual(await run(first, 'edit_file', { path: 'a.txt', old_string: 'one', new_string: '1' }), {
    path: 'a.txt',
    replacements: 1,
    bytes: 2,
  });
  await run(second, 'read_file', { path: 'a.txt' });
  await run(first, 'write_file', { path: 'a.txt', content: 'first' });
  assert.match(
    String(await run(second, 'edit_file', { path: 'a.txt', old_string: '1', new_string: '2' })),
    /changed since it was read; read it again$/,
  );
  await first.agents.register_basics({ root: 'sub' });
  await first.agents.register_basics({ root: folders.root });
  assert.match(String(await run(first, 'write_file', { path: 'a.txt', content: '' })), /was not read yet/);
});

test('changes of one file that a plan makes at once all take effect', async () => {
  using folders = new Folders();
  writeFileSync(`${folders.root}/many`, Array.from({ length: 20 }, (_line, index) => `<${index}>`).join('\n'));
  await using daemon = open({ toolRoot: folders.root });
  const client = await session(daemon);
  await run(client, 'read_file', { path: 'many' });
  const actions = Array.from({ length: 20 }, (_action, index) => ({
    id: `edit-${index}`,
    type: 'tool_call' as const,
    tool: 'edit_file',
    parameters: { path: 'many', old_string: `<${index}>`, new_string: `(${index})` },
    failure_behavior: 'skip' as const,
  }));
  const { results } = await client.proposal.submit({ proposal: { actions } });
  assert.deepEqual([...new Set(results.map(({ status }) => status))], ['succeeded']);
  assert.equal(readFileSync(`${folders.root}/many`, 'utf8').includes('<'), false);
});

// req: builtins.loop
test('a heavy search leaves the daemon free to answer others, and ends when nobody waits for it', async () => {
  using folders = new Folders();
  writeFileSync(`${folders.root}/big`, `${'ab1é '.repeat(400)}\n`.repeat(1_000));
  for (let index = 0; index < 199; index++) linkSync(`${folders.root}/big`, `${folders.root}/big-${index}`);
  await using daemon = open({ toolRoot: folders.root });
  const [client, other] = [await session(daemon), await daemon.connect()];
  await run(client, 'grep_files', { pattern: 'x', path: 'a.txt' });
  const pattern = '(?:[\\pL\\pN]+ ?){30}[^\\x00-\\x{10FFFF}]';
  const over = new AbortController();
  const search = run(client, 'grep_files', { pattern }, { timeout_ms: 500 }).finally(() => over.abort());
  let answered = 0;
  while (!over.signal.aborted) {
    await other.state.get({ key: 'x' });
    answered++;
  }
  assert.equal(await search, 'failed: action timed out after 500ms');
  assert.ok(answered > 20, `${answered} answers`);
  // Both threads are free again: the search noticed that it was given up.
  const small = (): Promise<unknown> => run(client, 'grep_files', { pattern: 'two', path: 'sub' });
  const found = { matches: [{ path: 'sub/b.txt', line: 1, text: 'two' }], files_searched: 1 };
  assert.deepEqual(await Promise.all([small(), small(), small()]), [found, found, found]);
});

// req: builtins.fair
test('a session that searches all the time keeps no other from searching and reading', async () => {
  using folders = new Folders();
  writeFileSync(`${folders.root}/big`, `${'ab1é '.repeat(400)}\n`.repeat(1_000));
  for (let index = 0; index < 199; index++) linkSync(`${folders.root}/big`, `${folders.root}/big-${index}`);
  await using daemon = open({ toolRoot: folders.root });
  const [greedy, other] = [await session(daemon), await session(daemon)];
  const actions = Array.from({ length: 8 }, (_action, index) => ({
    id: `search-${index}`,
    type: 'tool_call' as const,
    tool: 'grep_files',
    parameters: { pattern: '(?:[\\pL\\pN]+ ?){30}[^\\x00-\\x{10FFFF}]' },
    failure_behavior: 'skip' as const,
  }));
  const over = new AbortController();
  const lost = assert.rejects(greedy.proposal.submit({ proposal: { actions } }).finally(() => over.abort()));
  const found = { matches: [{ path: 'sub/b.txt', line: 1, text: 'two' }], files_searched: 1 };
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(await run(other, 'grep_files', { pattern: 'two', path: 'sub' }), found);
    await run(other, 'read_file', { path: 'a.txt' });
  }
  assert.equal(over.signal.aborted, false, 'the searches still run');
  await greedy[Symbol.asyncDispose]();
  await lost;
});

test('a connection that closes in the middle of a search leaves nothing behind', async () => {
  using folders = new Folders();
  await using daemon = open({ toolRoot: folders.root });
  const client = await session(daemon);
  const lost = assert.rejects(run(client, 'grep_files', { pattern: 'one' }));
  await client[Symbol.asyncDispose]();
  await lost;
  assert.equal(daemon.state.sessions.size, 0);
});
