import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { test } from 'node:test';
import { InMemoryAgentCredentials, isSameSecret, mintToken } from './credentials.ts';

// req: auth.token-form
test('a token is 32 random bytes as base64url without padding', () => {
  const tokens = Array.from({ length: 100 }, mintToken);
  for (const token of tokens) {
    assert.match(token, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(Buffer.from(token, 'base64url').length, 32);
  }
  assert.equal(new Set(tokens).size, 100);
});

// req: auth.constant-time
test('secrets of equal length are compared in constant time, others differ by their length', (t) => {
  const compare = t.mock.method(crypto, 'timingSafeEqual');
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const expected = mintToken();
  const wrong = [`!${expected.slice(1)}`, `${expected.slice(0, -1)}!`, 'x'.repeat(43)];
  for (const given of wrong) assert.equal(isSameSecret(given, expected), false);
  assert.equal(isSameSecret(expected, expected), true);
  assert.equal(compare.mock.callCount(), 4, 'wherever they differ, all of it is compared');
  for (const given of ['', expected.slice(1), `${expected}x`, 'ü'.repeat(43)])
    assert.equal(isSameSecret(given, expected), false);
  assert.equal(compare.mock.callCount(), 4);
  const credentials = new InMemoryAgentCredentials();
  credentials.verify('nobody', expected);
  assert.equal(compare.mock.callCount(), 5, 'an unknown agent takes as long as a wrong token');
});

// req: auth.agent-tokens
test('an agent has one token at a time, and whoever listens is told when it ends', () => {
  const credentials = new InMemoryAgentCredentials();
  const revoked: string[] = [];
  using listening = credentials.onRevoked((agentId) => revoked.push(agentId));
  const first = credentials.issue('a');
  assert.deepEqual(
    [credentials.verify('a', first), credentials.verify('b', first), credentials.verify('', first)],
    [true, false, false],
  );
  const second = credentials.issue('a');
  assert.deepEqual([credentials.verify('a', first), credentials.verify('a', second)], [false, true]);
  credentials.revoke('a');
  credentials.revoke('a');
  assert.equal(credentials.verify('a', second), false);
  assert.deepEqual(revoked, ['a', 'a'], 'once for the rotation, once for the revocation');
  listening[Symbol.dispose]();
  credentials.issue('b');
  credentials.revoke('b');
  assert.deepEqual(revoked, ['a', 'a']);
});
