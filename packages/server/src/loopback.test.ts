import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback } from './loopback.ts';

test('only loopback addresses are loopback, not what begins like one', () => {
  const outcomes: Record<string, boolean> = {
    '127.0.0.1': true,
    '127.8.9.10': true,
    '::1': true,
    '::ffff:127.0.0.1': true,
    localhost: false,
    '127.evil.tld': false,
    '127.0.0.1.evil.tld': false,
    '128.0.0.1': false,
    '0.0.0.0': false,
    '::': false,
    '192.168.0.1': false,
    '::ffff:192.168.0.1': false,
    '127.1': false,
    '': false,
  };
  for (const [address, expected] of Object.entries(outcomes)) assert.equal(isLoopback(address), expected, address);
});
