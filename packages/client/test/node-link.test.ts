// Finding a daemon from Node, presenting the right credential, and presenting it to nobody else.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import {
  authTokenPath,
  CannotConnectError,
  connect,
  hostTokenPath,
  InsecureEndpointError,
  socketPath,
  UnprovenServerError,
  type Client,
  type ConnectOptions,
} from '@car-runtime/client';
import { openClient } from '../src/client.ts';
import { createNodeLinkSource, isOwnSocket } from '../src/node-link.ts';
import { ScriptedDaemon, type Listening } from './scripted-daemon.ts';

const daemonToken = 'daemon-token-0123456789';
const prove =
  (token: string) =>
  (request: IncomingMessage): string[] => [
    `car-proof: ${createHmac('sha256', token).update(String(request.headers['sec-websocket-key'])).digest('base64url')}`,
  ];
const proven = prove(daemonToken);

/** A state root of its own, with the token files a daemon would write. */
function stateRootFor(t: TestContext, tokens: { auth?: string; host?: string } = {}): Record<string, string> {
  const env = { CAR_HOME: mkdtempSync(join(tmpdir(), 'car client ö%20')) };
  t.after(() => rmSync(env.CAR_HOME, { recursive: true }));
  mkdirSync(dirname(authTokenPath({ env })), { recursive: true, mode: 0o700 });
  mkdirSync(dirname(socketPath({ env })), { recursive: true, mode: 0o700 });
  if (tokens.auth !== undefined) writeFileSync(authTokenPath({ env }), tokens.auth, { mode: 0o600 });
  if (tokens.host !== undefined) writeFileSync(hostTokenPath({ env }), tokens.host, { mode: 0o600 });
  return env;
}

async function credentialSent(options: ConnectOptions): Promise<unknown> {
  const daemon = new ScriptedDaemon();
  await using listening = await daemon.listen({ headersOf: proven });
  await using _client: Client = await connect({ url: listening.url, reconnect: false, ...options });
  return daemon.calls.find(({ method }) => method === 'session.auth')?.params;
}

/** Ends the daemon, and resolves when the client knows. */
async function goAway(listening: Listening, client: Client): Promise<void> {
  const changes = client.connectionChanges();
  await Promise.all([changes.next(), listening[Symbol.asyncDispose]()]);
}

// req: client.credential-order
test('the credential is the first one the options, the environment and the files have', async (t) => {
  const files = stateRootFor(t, { auth: `${daemonToken}\n`, host: 'host-secret\n' });
  const bare = stateRootFor(t);
  const agent = { CAR_AGENT_ID: 'a1', CAR_AGENT_TOKEN: ' agent-secret ' };
  const table: [ConnectOptions, unknown][] = [
    [{ env: bare }, undefined],
    [{ env: files }, { token: daemonToken }],
    [{ env: { ...bare, CAR_AUTH_TOKEN: ` ${daemonToken}\n` } }, { token: daemonToken }],
    [{ env: { ...files, CAR_AUTH_TOKEN: '  ' } }, { token: daemonToken }],
    [{ env: bare, tokenFile: authTokenPath({ env: files }) }, { token: daemonToken }],
    [{ env: { ...bare, CAR_AUTH_TOKEN: 'other' }, token: () => daemonToken }, { token: daemonToken }],
    [{ env: { ...files, ...agent } }, { agent_id: 'a1', token: 'agent-secret' }],
    [{ env: { ...files, CAR_AGENT_ID: 'a1' } }, { token: daemonToken }],
    [
      { env: { ...files, ...agent }, agentId: 'a2' },
      { agent_id: 'a2', token: 'agent-secret' },
    ],
    [
      { env: { ...files, ...agent }, agentId: 'a2', token: 'mine' },
      { agent_id: 'a2', token: 'mine' },
    ],
    [{ env: { ...files, ...agent }, role: 'client' }, { token: daemonToken }],
    [{ env: { ...files, ...agent }, role: 'host' }, { host_token: 'host-secret' }],
    [{ env: files, hostToken: 'given' }, { host_token: 'given' }],
    [
      { env: bare, role: 'host', tokenFile: authTokenPath({ env: files }), allowUnproven: true },
      { host_token: 'host-secret' },
    ],
    [{ env: { ...files, ...agent }, role: 'none' }, undefined],
    [{ env: { ...files, CAR_MEMORY_NAMESPACE: 'notes' } }, { token: daemonToken, memory_namespace: 'notes' }],
    [{ env: bare, role: 'none', memoryNamespace: 'mine' }, { memory_namespace: 'mine' }],
  ];
  for (const [index, [options, expected]] of table.entries()) {
    const isBare =
      expected !== undefined && options.env?.['CAR_HOME'] === bare['CAR_HOME'] && !('token' in (expected as object));
    assert.deepEqual(
      await credentialSent(isBare ? { ...options, allowUnproven: true } : options),
      expected,
      `row ${index}`,
    );
  }
});

// req: client.credential-order
test('a credential that was asked for and is not there is an error, never "none"', async (t) => {
  const env = stateRootFor(t);
  await assert.rejects(connect({ env, agentId: 'a1' }), /Cannot connect as agent "a1": there is no token/);
  await assert.rejects(
    connect({ env, role: 'host' }),
    /Cannot connect as host: there is no host token at .*host-token$/,
  );
  await assert.rejects(connect({ env, token: ' ' }), /The daemon token is blank/);
  await assert.rejects(connect({ env, hostToken: () => '' }), /The host token is blank/);
});

// req: client.token-file
test('a token file that is a link, or is no token, is not read', async (t) => {
  const env = stateRootFor(t);
  const secret = join(env['CAR_HOME'] ?? '', 'secret');
  writeFileSync(secret, 'something else');
  symlinkSync(secret, authTokenPath({ env }));
  await assert.rejects(
    connect({ env, url: 'ws://127.0.0.1:1' }),
    /Cannot read the token file .*auth-token: it is a symbolic link/,
  );
  writeFileSync(join(env['CAR_HOME'] ?? '', 'large'), 'x'.repeat(5_000));
  await assert.rejects(
    connect({ env, tokenFile: join(env['CAR_HOME'] ?? '', 'large') }),
    /5000 bytes, which is too long for a token/,
  );
});

// req: client.discovery
test('a daemon is found by its socket, and else on its port; a place that was named is the only one', async (t) => {
  const env = stateRootFor(t, { auth: daemonToken });
  const daemon = new ScriptedDaemon();
  await using tcp = await daemon.listen({ headersOf: proven });
  const transportOf = async (options: ConnectOptions): Promise<string> => {
    await using client = await openClient(createNodeLinkSource(options, tcp.url), { reconnect: false });
    return `${client.connection.transport} ${client.connection.endpoint}`;
  };
  assert.equal(await transportOf({ env }), `tcp ${tcp.url}`);
  const path = socketPath({ env });
  {
    await using _unix = await daemon.listen({ path });
    assert.equal(await transportOf({ env }), `unix ${path}`);
    assert.equal(await transportOf({ env, url: tcp.url }), `tcp ${tcp.url}`);
    assert.equal(await transportOf({ env: { ...env, CAR_DAEMON_URL: tcp.url } }), `tcp ${tcp.url}`);
    assert.equal(await transportOf({ env, url: 'ws://127.0.0.1:1', socketPath: path }), `unix ${path}`);
    for (const scheme of ['ws+unix:', 'unix:', 'ws+unix://', 'unix://']) {
      assert.equal(await transportOf({ env: { ...env, CAR_DAEMON_URL: scheme + encodeURI(path) } }), `unix ${path}`);
    }
  }
  // What a killed daemon leaves: nobody listens behind it.
  writeFileSync(path, '');
  assert.equal(await transportOf({ env }), `tcp ${tcp.url}`);
  await assert.rejects(transportOf({ env, socketPath: path }), (error) => {
    assert.ok(error instanceof CannotConnectError);
    assert.deepEqual(error.endpoints, [path]);
    return true;
  });
  await tcp[Symbol.asyncDispose]();
  await assert.rejects(transportOf({ env }), (error) => {
    assert.ok(error instanceof CannotConnectError);
    assert.deepEqual(error.endpoints, [path, tcp.url]);
    assert.match(error.message, /ECONNREFUSED.*; .*ECONNREFUSED/);
    return true;
  });
});

// req: client.proof
test('a stranger on the port gets no credential, whatever it answers', async (t) => {
  const files = stateRootFor(t, { auth: daemonToken, host: 'host-secret' });
  const bare = stateRootFor(t);
  const strangers: ((request: IncomingMessage) => string[])[] = [
    () => [],
    () => ['car-proof:'],
    () => [`car-proof: ${daemonToken.slice(0, 43).padEnd(43, 'A')}`],
    prove('another token'),
    prove(''),
    (request) => [`car-proof: ${String(request.headers['sec-websocket-key'])}`],
    () => ['car-proof: täuschung'],
    (request) => [...prove('another token')(request), ...prove('a third')(request)],
  ];
  const credentials: ConnectOptions[] = [
    { env: files },
    { env: bare, token: daemonToken },
    { env: files, role: 'host' },
    { env: files, agentId: 'a1', token: 'agent-secret' },
    { env: { ...files, CAR_AGENT_ID: 'a1', CAR_AGENT_TOKEN: 'agent-secret' } },
  ];
  for (const headersOf of strangers) {
    const stranger = new ScriptedDaemon();
    const requests: IncomingMessage[] = [];
    await using listening = await stranger.listen({
      headersOf: (request) => {
        requests.push(request);
        return headersOf(request);
      },
    });
    for (const options of credentials) {
      await assert.rejects(connect({ url: listening.url, ...options }), (error) => {
        assert.ok(error instanceof UnprovenServerError);
        assert.match(error.message, /^No credential was sent to ws:\/\/127\.0\.0\.1:\d+\/: its? /);
        return true;
      });
    }
    assert.equal(requests.length, credentials.length);
    const seen = requests.map(({ url, rawHeaders }) => [url, ...rawHeaders].join('\n')).join('\n');
    assert.doesNotMatch(seen, /secret|daemon-token/);
    assert.deepEqual(stranger.calls, []);
  }
});

// req: client.proof
test('without a daemon token to check the proof with, agents and hosts are refused unless they say so', async (t) => {
  const env = stateRootFor(t);
  const daemon = new ScriptedDaemon();
  await using listening = await daemon.listen({ headersOf: proven });
  for (const options of [{ agentId: 'a1', token: 'agent-secret' }, { hostToken: 'host-secret' }]) {
    await assert.rejects(
      connect({ env, url: listening.url, ...options }),
      /there is no daemon token here to check its proof with/,
    );
    assert.deepEqual(daemon.calls, []);
    await using _client = await connect({ env, url: listening.url, ...options, allowUnproven: true });
    assert.equal(daemon.calls.splice(0).length, 2);
  }
});

// req: client.proof
test('a stranger that takes the port of a daemon that went away gets no credential at the reconnect', async (t) => {
  const env = stateRootFor(t, { auth: daemonToken });
  const daemon = new ScriptedDaemon();
  const listening = await daemon.listen({ headersOf: proven });
  await using client = await connect({ env, url: listening.url, reconnect: { baseDelayMs: 1, maxDelayMs: 5 } });
  await goAway(listening, client);
  const stranger = new ScriptedDaemon();
  await using _taken = await stranger.listen({ port: listening.port });
  const error = await client.request('test.echo').catch((failure: unknown) => failure);
  assert.ok(error instanceof Error && error.cause instanceof UnprovenServerError, String(error));
  assert.ok(stranger.connections.length === 0 || stranger.calls.length === 0);
});

// req: client.proof
test('the proof of the real daemon lets the client in, and a new daemon with a new token file too', async (t) => {
  const env = stateRootFor(t, { auth: daemonToken });
  const daemon = new ScriptedDaemon();
  const listening = await daemon.listen({ headersOf: proven });
  await using client = await connect({ env, url: listening.url, reconnect: { baseDelayMs: 1, maxDelayMs: 5 } });
  await goAway(listening, client);
  const next = new ScriptedDaemon();
  writeFileSync(authTokenPath({ env }), 'minted anew');
  await using _next = await next.listen({ port: listening.port, headersOf: prove('minted anew') });
  assert.deepEqual(await client.request('test.echo', { n: 1 }), { n: 1 });
  assert.deepEqual(next.calls[0]?.params, { token: 'minted anew' });
});

// req: client.proof
test('a Unix socket of this user needs no proof, one of another user does', async (t) => {
  const env = stateRootFor(t, { auth: daemonToken });
  const path = socketPath({ env });
  const daemon = new ScriptedDaemon();
  await using _listening = await daemon.listen({ path });
  chmodSync(path, 0o666);
  const ownUid = process.getuid?.() ?? 0;
  assert.equal(isOwnSocket(path), true);
  const isRoot = ownUid === 0;
  // Root may give the file away; anybody else may only pretend to be somebody else.
  if (isRoot) chownSync(path, 12_345, 12_345);
  assert.equal(isOwnSocket(path, isRoot ? 0 : ownUid + 1), false);
  if (isRoot) await assert.rejects(connect({ env }), UnprovenServerError);
  assert.deepEqual(daemon.calls, []);
});

// req: client.hostile-urls
test('a hostile URL is refused before anything is sent, from the options and from the environment', async (t) => {
  const env = stateRootFor(t, { auth: daemonToken });
  for (const url of [
    'ws://127.evil.com:9100',
    'ws://127.0.0.1:1@127.0.0.1:2/',
    'ws://127.0.0.1:1/?token=x',
    'http://127.0.0.1:1',
  ]) {
    await assert.rejects(connect({ env, url }), InsecureEndpointError);
    await assert.rejects(connect({ env: { ...env, CAR_DAEMON_URL: url } }), InsecureEndpointError);
  }
});
