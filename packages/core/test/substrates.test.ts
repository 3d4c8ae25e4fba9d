// File tools that work elsewhere: through a connector, or in a sandbox.
import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import type { FileSubstrate, SandboxOptions, SandboxProvider, SubstrateProvider } from '@car-runtime/core';
import { serve, TempFolder } from '@car-runtime/testkit';

/** A substrate that writes down what it was asked. */
class FakeSubstrate implements FileSubstrate {
  readonly name: string;
  readonly tools: FileSubstrate['tools'];
  readonly calls: string[] = [];
  isDisposed = false;
  problem: string | undefined;

  constructor(name: string, tools: FileSubstrate['tools'] = []) {
    this.name = name;
    this.tools = tools;
  }

  call({ tool }: { tool: string }): Promise<unknown> {
    this.calls.push(tool);
    return this.problem === undefined
      ? Promise.resolve(`${this.name}: ${tool}`)
      : Promise.reject(new Error(this.problem));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
    return Promise.resolve();
  }
}

class FakeConnectors implements SubstrateProvider {
  readonly asked: string[] = [];
  readonly opened: FakeSubstrate[] = [];
  gate: Promise<void> = Promise.resolve();

  async open(connector: string): Promise<FileSubstrate | undefined> {
    this.asked.push(connector);
    await this.gate;
    if (connector !== 'github') return undefined;
    const substrate = new FakeSubstrate(connector);
    this.opened.push(substrate);
    return substrate;
  }
}

async function run(client: Client, tool: string, parameters: Record<string, unknown>): Promise<unknown> {
  const action = { id: 'a', type: 'tool_call' as const, tool, parameters };
  const { results } = await client.proposal.submit({ proposal: { actions: [action] } });
  return results[0]?.status === 'succeeded' ? results[0].output : `${results[0]?.status}: ${results[0]?.error}`;
}

const shell = { name: 'shell', description: 'Run a command', parameters: {}, idempotent: false } as const;

// req: builtins.substrate-not-connected
test('session.bindSubstrate names a connector that is not connected, and changes nothing', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  await assert.rejects(
    client.session.bindSubstrate({ connector: 'github' }),
    (error: { message: string; data: unknown }) => {
      assert.deepEqual(error.data, { reason: 'not_connected', connector: 'github' });
      return error.message === "connector 'github' is not connected";
    },
  );
  assert.equal((await client.tools.list()).count, 1);
});

test('only a slug is looked up', async () => {
  const connectors = new FakeConnectors();
  await using daemon = serve({ config: { substrateProvider: connectors } });
  const client = await daemon.connect();
  for (const connector of ['../../etc', 'GitHub', 'a b', '-x', '.', '__proto__', 'a\0', `x${'y'.repeat(64)}`])
    await assert.rejects(client.session.bindSubstrate({ connector }), {
      message: `connector '${connector}' is not connected`,
    });
  await assert.rejects(client.session.bindSubstrate({ connector: 'jira' }), /^CarError: connector 'jira' is not conn/);
  assert.deepEqual(connectors.asked, ['jira']);
});

// req: builtins.substrate
test('a bound session has the built-in tools, and they go to the substrate without asking the client', async () => {
  const connectors = new FakeConnectors();
  await using daemon = serve({ config: { substrateProvider: connectors } });
  const client = await daemon.connect({ as: { agent: 'mia' } });
  const asked: string[] = [];
  await client.registerTool('read_file', {}, () => asked.push('read_file'));
  await client.registerTool('mine', {}, () => 'mine');
  const bound = await client.session.bindSubstrate({ connector: 'github' });
  assert.deepEqual(bound, { bound: true, substrate: 'github' });
  assert.equal((await client.tools.list()).count, 9);
  for (const tool of ['read_file', 'list_dir', 'find_files', 'grep_files', 'write_file', 'edit_file'])
    assert.equal(
      await run(client, tool, { path: 'x', pattern: 'x', content: 'x', old_string: 'x', new_string: 'y' }),
      `github: ${tool}`,
    );
  assert.deepEqual(await run(client, 'calculate', { expression: '2 ^ 3' }), { result: 8 });
  assert.equal(await run(client, 'mine', {}), 'mine');
  assert.deepEqual(asked, []);
  const [substrate] = connectors.opened;
  assert.ok(substrate);
  substrate.problem = 'unknown tool: read_file';
  assert.equal(
    await run(client, 'read_file', { path: 'x' }),
    'failed: unknown tool: read_file',
    'no way back to the host',
  );
  await client[Symbol.asyncDispose]();
});

test('a substrate is disposed when another takes its place, and when its session ends', async () => {
  const connectors = new FakeConnectors();
  await using daemon = serve({ config: { substrateProvider: connectors } });
  const client = await daemon.connect();
  await client.session.bindSubstrate({ connector: 'github' });
  await client.session.bindSubstrate({ connector: 'github' });
  assert.deepEqual(
    connectors.opened.map(({ isDisposed }) => isDisposed),
    [true, false],
  );
  await client[Symbol.asyncDispose]();
  for (const id of daemon.state.sessions.keys()) await daemon.state.removeSession(id);
  assert.deepEqual(
    connectors.opened.map(({ isDisposed }) => isDisposed),
    [true, true],
  );
});

test('a substrate that opens after its session has ended is disposed at once', async () => {
  const connectors = new FakeConnectors();
  const gate = Promise.withResolvers<void>();
  connectors.gate = gate.promise;
  await using daemon = serve({ config: { substrateProvider: connectors } });
  const client = await daemon.connect();
  const lost = assert.rejects(client.session.bindSubstrate({ connector: 'github' }));
  while (connectors.asked.length === 0) await new Promise(setImmediate);
  const [id = ''] = daemon.state.sessions.keys();
  await daemon.state.removeSession(id);
  await lost;
  gate.resolve();
  while (!connectors.opened[0]?.isDisposed) await new Promise(setImmediate);
});

// req: builtins.sandbox-refused
test('session.bindSandbox says what is missing, and the file tools do not work on the host instead', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  await assert.rejects(
    client.session.bindSandbox({ working_dir: '/' }),
    (error: { message: string; data: unknown }) => {
      assert.deepEqual(error.data, { reason: 'sandbox_unavailable', missing: 'docker' });
      return /^Cannot bind a sandbox: it needs a Docker engine, and this daemon has no provider for one$/.test(
        error.message,
      );
    },
  );
  assert.equal((await client.tools.list()).count, 1);
  const wire = await daemon.peer({ as: 'client' });
  assert.equal((await wire.error('session.bindSandbox', {})).code, -32602);
  assert.equal((await wire.error('session.bindSandbox', { working_dir: '/', command_timeout_secs: 0 })).code, -32602);
});

// req: builtins.sandbox-roles
test('session.bindSandbox is refused to agents, and under strict roles to all but hosts', async () => {
  const sandboxProvider: SandboxProvider = { open: () => Promise.reject(new Error('asked')) };
  await using daemon = serve({ config: { sandboxProvider } });
  const agent = await daemon.connect({ as: { agent: 'mia' } });
  await assert.rejects(agent.session.bindSandbox({ working_dir: '/' }), /not available to agents/);
  await using strict = serve({ config: { sandboxProvider, strictRoles: true } });
  await assert.rejects((await strict.connect()).session.bindSandbox({ working_dir: '/' }), /needs the host role/);
});

// req: builtins.sandbox
test('a sandbox gets the canonical working directory and the documented defaults, and brings its shell', async () => {
  using folder = new TempFolder();
  const working = `${realpathSync(folder.path)}/work`;
  mkdirSync(working);
  writeFileSync(`${working}/file`, '');
  const asked: SandboxOptions[] = [];
  const sandboxProvider: SandboxProvider = {
    open: (options) => {
      asked.push(options);
      return Promise.resolve(new FakeSubstrate(`docker:${options.image}`, [shell]));
    },
  };
  await using daemon = serve({ config: { sandboxProvider } });
  const client = await daemon.connect();
  for (const [working_dir, problem] of [
    [`${working}/nothing`, /^CarError: Cannot use folder ".*": it does not exist$/],
    [`${working}/file`, /it is not a folder$/],
    [dirname(daemon.state.journalDir), /the daemon's own files lie in it$/],
    ['/', /the daemon's own files lie in it$/],
  ] as const)
    await assert.rejects(client.session.bindSandbox({ working_dir }), problem);
  assert.deepEqual(asked, []);
  assert.deepEqual(await client.session.bindSandbox({ working_dir: `${working}/../work` }), {
    bound: true,
    substrate: 'docker:python:3.11-slim',
  });
  assert.deepEqual(asked, [
    {
      workingDir: working,
      image: 'python:3.11-slim',
      network: 'none',
      memory: '512m',
      cpus: 1,
      pidsLimit: 256,
      commandTimeoutSecs: undefined,
    },
  ]);
  assert.equal(await run(client, 'shell', {}), 'docker:python:3.11-slim: shell');
  assert.equal(await run(client, 'read_file', { path: 'file' }), 'docker:python:3.11-slim: read_file');
});
