import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { serve, type TestDaemon } from '@car-runtime/testkit';

const build = { actions: [{ id: 'a', type: 'tool_call' as const, tool: 'build' }] };

function writePolicies(daemon: TestDaemon, files: Record<string, string>): string {
  const folder = join(dirname(daemon.state.journalDir), 'policies');
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

async function connectWithBuild(daemon: TestDaemon) {
  const client = await daemon.connect();
  await client.registerTool('build', {}, () => 'built');
  return client;
}

// req: policy.file-per-session
test('policy files hold for new sessions, merged in the order of their names, and edits take effect at once', async () => {
  await using daemon = serve();
  const before = await connectWithBuild(daemon);
  const folder = writePolicies(daemon, {
    'b.toml': 'deny_keyword = ["x"]',
    'a.toml': 'deny_tool = ["build"]',
    'notes.txt': '[',
  });
  const during = await connectWithBuild(daemon);
  assert.deepEqual(
    (await during.policy.list()).policies.map(({ name }) => name),
    ['deny_tool:build', 'deny_keyword:x'],
  );
  const { results } = await during.proposal.submit({ proposal: build });
  assert.deepEqual([results[0]?.status, results[0]?.error], ['rejected', "tool 'build' denied"]);
  assert.equal((await before.proposal.submit({ proposal: build })).results[0]?.status, 'succeeded');
  rmSync(folder, { recursive: true });
  const after = await connectWithBuild(daemon);
  assert.equal((await after.proposal.submit({ proposal: build })).results[0]?.status, 'succeeded');
});

// req: policy.file-fixed
test('a client cannot remove a policy that came from a file', async () => {
  await using daemon = serve();
  writePolicies(daemon, { 'a.toml': 'deny_tool = ["build"]' });
  const client = await connectWithBuild(daemon);
  await client.policy.register({ name: 'deny_tool:build', rule: 'deny_tool', target: 'other' });
  assert.equal((await client.policy.unregister({ name: 'deny_tool:build' })).removed, 1);
  assert.equal((await client.proposal.submit({ proposal: build })).results[0]?.status, 'rejected');
});

// req: policy.file-malformed
test('a malformed file refuses the connection and names the file; mending it lets the next one in', async () => {
  await using daemon = serve();
  writePolicies(daemon, { 'broken.toml': 'deny_tool = "not a list"' });
  const refused = await daemon.peer();
  assert.deepEqual(await refused.closed.then(({ code, reason }) => [code, reason.slice(0, 31)]), [
    1008,
    'policies/broken.toml: deny_tool',
  ]);
  assert.equal(daemon.state.sessions.size, 0);
  writePolicies(daemon, { 'broken.toml': 'deny_tool = []' });
  assert.deepEqual((await (await daemon.connect()).policy.list()).policies, []);
});

// req: policy.file-rate-limit-per-connection
test('a rate limit of a file counts for each connection on its own', async () => {
  await using daemon = serve();
  writePolicies(daemon, { 'r.toml': '[[rate_limit_tool]]\ntool = "build"\nmax_calls = 1\ninterval_secs = 3600' });
  const [first, second] = [await connectWithBuild(daemon), await connectWithBuild(daemon)];
  const statuses = [];
  for (const client of [first, first, second])
    statuses.push((await client.proposal.submit({ proposal: build })).results[0]?.status);
  assert.deepEqual(statuses, ['succeeded', 'rejected', 'succeeded']);
});
