import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkEndpoint } from './endpoint.ts';
import { InsecureEndpointError } from './errors.ts';

const outcome = (url: string, policy: Partial<Parameters<typeof checkEndpoint>[1]> = {}): string => {
  try {
    return checkEndpoint(url, { hasCredential: true, ...policy });
  } catch (error) {
    assert.ok(error instanceof InsecureEndpointError);
    return 'refused';
  }
};

// req: client.hostile-urls
test('a credential goes over plain ws:// to this machine only, as the URL parser reads the host', () => {
  const own = [
    'ws://127.0.0.1:9100',
    'ws://127.255.255.254',
    'ws://localhost:9100/',
    'ws://LOCALHOST:9100',
    'ws://[::1]:9100',
    'ws://[0:0:0:0:0:0:0:1]:9100',
    'ws://[::ffff:127.0.0.1]:9100',
    // Other spellings of 127.0.0.1, which the connection reads the same way.
    'ws://127.1:9100',
    'ws://0x7f.1',
    'ws://2130706433',
    'ws://0177.0.0.1',
    'ws://127。0。0。1',
    'ws://127.0.0.1\\@evil.example',
  ];
  for (const url of own) assert.notEqual(outcome(url), 'refused', url);
  const others = [
    'ws://127.evil.com',
    'ws://127.0.0.1.evil.com',
    'ws://127.0.0.1.nip.io',
    'ws://localhost.evil.com',
    'ws://evil.localhost',
    'ws://localhost.',
    'ws://evil-localhost',
    'ws://xn--localhst-l4a',
    'ws://128.0.0.1',
    'ws://0.0.0.0:9100',
    'ws://0:9100',
    'ws://[::]:9100',
    'ws://[::ffff:10.0.0.1]',
    'ws://[::ffff:127.0.0.1%25eth0]',
    'ws://[64:ff9b::7f00:1]',
    'ws://[::7f00:1]',
    'ws://192.168.0.1',
    'ws://169.254.169.254',
    'ws://[fe80::1]',
  ];
  for (const url of others) assert.equal(outcome(url), 'refused', url);
});

// req: client.hostile-urls
test('a URL with a user, a password, a query or a fragment is refused, with or without a credential', () => {
  const urls = [
    'ws://user@127.0.0.1:9100',
    'ws://user:secret@127.0.0.1:9100',
    'ws://127.0.0.1:9100@evil.example/',
    'ws://127.0.0.1%40evil.example@evil.example',
    'ws://:secret@localhost',
    'wss://token@car.example',
    'ws://127.0.0.1:9100/?token=secret',
    'ws://127.0.0.1:9100?',
    'ws://127.0.0.1:9100/#token',
    'wss://car.example/?gatewayUrl=ws://evil.example',
  ];
  for (const url of urls) {
    assert.equal(outcome(url), 'refused', url);
    assert.equal(outcome(url, { hasCredential: false, allowInsecureRemote: true }), 'refused', url);
  }
});

// req: client.hostile-urls
test('only ws:// and wss:// are spoken, and what was refused is not repeated in the message', () => {
  for (const url of [
    'http://127.0.0.1',
    'https://127.0.0.1',
    'file:///etc/passwd',
    'javascript:alert(1)',
    '127.0.0.1:9100',
    '',
    '//x',
    'ws://',
    'ws://[::1',
  ]) {
    assert.equal(outcome(url), 'refused', url);
  }
  assert.throws(
    () => checkEndpoint('ws://user:secret@127.0.0.1', { hasCredential: true }),
    ({ message }: Error) => !message.includes('secret'),
  );
});

// req: client.insecure-remote
test('another machine is reached with wss://, by choice with ws://, and with ws:// where no credential is sent', () => {
  assert.equal(outcome('wss://car.example:9100/ws'), 'wss://car.example:9100/ws');
  assert.equal(outcome('ws://car.example'), 'refused');
  assert.equal(outcome('ws://car.example', { allowInsecureRemote: true }), 'ws://car.example/');
  assert.equal(outcome('ws://car.example', { hasCredential: false }), 'ws://car.example/');
});
