// The role gate: every kind of access with every role.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Access } from '@car-runtime/protocol';
import { KernelBench, testDomain } from '../../test/kernel-bench.ts';
import type { Connection } from './connection.ts';

const accesses: readonly Access[] = ['public', 'session', 'client', 'host'];

const roles: Record<string, (connection: Connection) => void> = {
  none: () => undefined,
  client: (connection) => connection.markAuthenticated(),
  agent: (connection) => {
    connection.agentId = 'a1';
    connection.markAuthenticated();
  },
  host: (connection) => {
    connection.isHost = true;
    connection.markAuthenticated();
  },
};

/** What each role gets from a method of each access, in the order of `accesses`. */
async function table(credentials: { isAuthRequired: boolean; hasHostToken: boolean }): Promise<Record<string, string>> {
  const methods = Object.fromEntries(accesses.map((access) => [access, { handle: () => 'yes', access }]));
  await using bench = new KernelBench([testDomain(methods)], { credentials });
  const rows: Record<string, string> = {};
  for (const [role, become] of Object.entries(roles)) {
    const cells = [];
    for (const access of accesses) {
      const { wire, connection } = bench.connect();
      become(connection);
      const { result, error } = await wire.call(access);
      cells.push(result ?? error?.data?.['reason']);
    }
    rows[role] = cells.join(' ');
  }
  return rows;
}

// req: dispatch.roles
test('with a daemon and a host token each access lets in its roles only', async () => {
  assert.deepEqual(await table({ isAuthRequired: true, hasHostToken: true }), {
    none: 'yes auth_required auth_required auth_required',
    client: 'yes yes yes forbidden',
    agent: 'yes yes forbidden forbidden',
    host: 'yes yes yes yes',
  });
});

// req: dispatch.roles
test('without a host token nobody can have the role, so it is asked of agents only', async () => {
  assert.deepEqual(await table({ isAuthRequired: true, hasHostToken: false }), {
    none: 'yes auth_required auth_required auth_required',
    client: 'yes yes yes yes',
    agent: 'yes yes forbidden forbidden',
    host: 'yes yes yes yes',
  });
});

// req: dispatch.roles
test('without a daemon token every connection is a client, and no gate is for it', async () => {
  const { none, client } = await table({ isAuthRequired: false, hasHostToken: false });
  assert.deepEqual([none, client], ['yes yes yes yes', 'yes yes yes yes']);
});

// req: dispatch.roles
test('a refusal says which role the method needs and which the connection has', async () => {
  const domain = testDomain({
    clients: { handle: () => 1, access: 'client' },
    hosts: { handle: () => 1, access: 'host' },
  });
  await using bench = new KernelBench([domain], { credentials: { isAuthRequired: true, hasHostToken: true } });
  const { wire, connection } = bench.connect();
  roles['agent']?.(connection);
  const refusals = [await wire.error('clients'), await wire.error('hosts')];
  assert.deepEqual(refusals, [
    {
      code: -32603,
      message: 'Cannot call clients: not available to agents (this connection is agent)',
      data: { reason: 'forbidden', role: 'agent' },
    },
    {
      code: -32603,
      message: 'Cannot call hosts: needs the host role (this connection is agent)',
      data: { reason: 'forbidden', role: 'agent' },
    },
  ]);
});

// req: dispatch.roles
test('a declaration with an access that nobody knows is for hosts alone', async () => {
  const methods = { odd: { handle: () => 'yes', access: 'everybody' as Access } };
  await using bench = new KernelBench([testDomain(methods)], {
    credentials: { isAuthRequired: true, hasHostToken: true },
  });
  const answers: unknown[] = [];
  for (const become of Object.values(roles)) {
    const { wire, connection } = bench.connect();
    become(connection);
    const { result, error } = await wire.call('odd');
    answers.push(result ?? error?.data?.['reason']);
  }
  assert.deepEqual(answers, ['auth_required', 'forbidden', 'forbidden', 'yes']);
});
