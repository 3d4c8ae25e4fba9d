import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalOf, tcpRules, unixSocketRules, type Refusal } from './request-guard.ts';

const names = {
  host: '127.0.0.1',
  port: 9100,
  httpHost: '127.0.0.1',
  httpPort: 9101,
  allowHosts: [],
  allowOrigins: [],
};
const rules = tcpRules(names);

const own = '127.0.0.1:9100';

// req: transport.host-exact
test('Host must be exactly a name of this daemon', () => {
  const outcomes: Record<string, Refusal | undefined> = {
    '127.0.0.1:9100': undefined,
    'localhost:9100': undefined,
    'LocalHost:9100': undefined,
    '[::1]:9100': undefined,
    '': 'host',
    'evil.tld': 'host',
    'evil.tld:9100': 'host',
    '127.0.0.1': 'host',
    '127.0.0.1:9101': 'host',
    '127.0.0.1:09100': 'host',
    '127.0.0.1:9100 ': 'host',
    '127.0.0.1:9100.evil.tld': 'host',
    '127.0.0.1.evil.tld:9100': 'host',
    '127.evil.tld:9100': 'host',
    '127.1:9100': 'host',
    '127.0.0.2:9100': 'host',
    '2130706433:9100': 'host',
    '0x7f000001:9100': 'host',
    '0177.0.0.1:9100': 'host',
    '0.0.0.0:9100': 'host',
    '0:9100': 'host',
    '[::]:9100': 'host',
    '[::ffff:127.0.0.1]:9100': 'host',
    '[0:0:0:0:0:0:0:1]:9100': 'host',
    '::1:9100': 'host',
    'localhost.:9100': 'host',
    'localhost.evil.tld:9100': 'host',
    'user@127.0.0.1:9100': 'host',
    '127.0.0.1:9100@evil.tld': 'host',
    '127.0.0.1:9100, evil.tld': 'host',
    'http://127.0.0.1:9100': 'host',
    '127.0.0.1:9100/': 'host',
    '127.0.0.1:9100\u0000': 'host',
    '١٢٧.0.0.1:9100': 'host',
  };
  for (const [host, expected] of Object.entries(outcomes)) {
    assert.equal(refusalOf({ url: '/', rawHeaders: ['Host', host] }, rules), expected, JSON.stringify(host));
  }
});

// req: transport.host-once
test('Host must be there, and once', () => {
  assert.equal(refusalOf({ url: '/', rawHeaders: [] }, rules), 'host');
  assert.equal(refusalOf({ url: '/', rawHeaders: ['Host', own, 'hOST', own] }, rules), 'host');
  assert.equal(refusalOf({ url: '/', rawHeaders: ['Host', own, 'Host', 'evil.tld'] }, rules), 'host');
  assert.equal(refusalOf({ url: '/', rawHeaders: ['X-Forwarded-Host', own] }, rules), 'host');
});

// req: transport.authority
test('an absolute request line must name the same authority as Host', () => {
  const outcomes: Record<string, Refusal | undefined> = {
    '/': undefined,
    '/path?query': undefined,
    '//evil.tld/': undefined, // a path, whatever it looks like
    '*': undefined,
    'http://127.0.0.1:9100/': undefined,
    'HTTP://127.0.0.1:9100': undefined,
    'ws://127.0.0.1:9100/?a=b': undefined,
    'http://evil.tld/': 'authority',
    'http://localhost:9100/': 'authority',
    'http://127.0.0.1/': 'authority',
    'http://127.0.0.1:9100@evil.tld/': 'authority',
    'http://evil.tld@127.0.0.1:9100/': 'authority',
    'http://evil.tld#127.0.0.1:9100': 'authority',
    'http:127.0.0.1:9100': 'authority',
    '127.0.0.1:9100': 'authority',
    '': 'authority',
  };
  for (const [url, expected] of Object.entries(outcomes)) {
    assert.equal(refusalOf({ url, rawHeaders: ['Host', own] }, rules), expected, JSON.stringify(url));
  }
});

// req: transport.origin-exact
test('Origin, where there is one, must be the page of the console', () => {
  const outcomes: Record<string, Refusal | undefined> = {
    'http://127.0.0.1:9101': undefined,
    'http://localhost:9101': undefined,
    'http://[::1]:9101': undefined,
    null: 'origin',
    '': 'origin',
    '*': 'origin',
    'http://127.0.0.1:9100': 'origin',
    'http://127.0.0.1': 'origin',
    'https://127.0.0.1:9101': 'origin',
    'http://127.0.0.1:9101/': 'origin',
    'http://127.0.0.1:9101.evil.tld': 'origin',
    'http://localhost:9101.evil.tld': 'origin',
    'http://localhost.evil.tld:9101': 'origin',
    'http://127.0.0.1:91010': 'origin',
    'http://127.0.0.1:9101@evil.tld': 'origin',
    'HTTP://127.0.0.1:9101': 'origin',
    'http://127.0.0.1:9101 http://evil.tld': 'origin',
    'http://evil.tld': 'origin',
    'file://': 'origin',
    'chrome-extension://abcdefgh': 'origin',
  };
  for (const [origin, expected] of Object.entries(outcomes)) {
    assert.equal(
      refusalOf({ url: '/', rawHeaders: ['Host', own, 'Origin', origin] }, rules),
      expected,
      JSON.stringify(origin),
    );
  }
  const page = 'http://127.0.0.1:9101';
  assert.equal(refusalOf({ url: '/', rawHeaders: ['Host', own, 'Origin', page, 'Origin', 'null'] }, rules), 'origin');
  assert.equal(
    refusalOf({ url: '/', rawHeaders: ['Host', own, 'Sec-WebSocket-Origin', 'http://evil.tld'] }, rules),
    'origin',
  );
});

// req: transport.allow-lists
test('allowed hosts, allowed origins and the bound address are accepted as they are given', () => {
  const open = tcpRules({
    ...names,
    host: '192.0.2.7',
    allowHosts: ['car.example', 'proxy.example:443'],
    allowOrigins: ['https://app.example', 'chrome-extension://abcdefgh'],
  });
  for (const host of ['192.0.2.7:9100', 'car.example', 'car.example:9100', 'proxy.example:443', own]) {
    assert.equal(refusalOf({ url: '/', rawHeaders: ['host', host] }, open), undefined, host);
  }
  for (const host of ['192.0.2.7', 'proxy.example', 'proxy.example:9100', 'car.example:1']) {
    assert.equal(refusalOf({ url: '/', rawHeaders: ['host', host] }, open), 'host', host);
  }
  for (const origin of ['https://app.example', 'chrome-extension://abcdefgh']) {
    assert.equal(refusalOf({ url: '/', rawHeaders: ['host', own, 'origin', origin] }, open), undefined, origin);
  }
  // The console is served on loopback only: whoever has the next port on that address is somebody else.
  const neighbour = 'http://192.0.2.7:9101';
  assert.equal(refusalOf({ url: '/', rawHeaders: ['host', own, 'origin', neighbour] }, open), 'origin');
});

test('a wildcard address is no name, and on port 80 names go without a port', () => {
  const wildcard = tcpRules({ ...names, host: '0.0.0.0' });
  assert.equal(refusalOf({ url: '/', rawHeaders: ['Host', '0.0.0.0:9100'] }, wildcard), 'host');
  assert.equal(refusalOf({ url: '/', rawHeaders: ['Host', own] }, wildcard), undefined);
  const plain = tcpRules({ ...names, port: 80, httpPort: 81 });
  assert.equal(refusalOf({ url: '/', rawHeaders: ['Host', 'localhost'] }, plain), undefined);
  const bound6 = tcpRules({ ...names, host: '2001:DB8::7' });
  assert.equal(refusalOf({ url: '/', rawHeaders: ['Host', '[2001:db8::7]:9100'] }, bound6), undefined);
});

// req: transport.unix-guard
test('on a Unix socket Host says nothing and every Origin is refused', () => {
  assert.equal(refusalOf({ url: '/', rawHeaders: [] }, unixSocketRules), undefined);
  assert.equal(refusalOf({ url: '/', rawHeaders: ['Host', 'evil.tld'] }, unixSocketRules), undefined);
  assert.equal(refusalOf({ url: '/', rawHeaders: ['Origin', 'http://127.0.0.1:9101'] }, unixSocketRules), 'origin');
  assert.equal(refusalOf({ url: '/', rawHeaders: ['Origin', 'null'] }, unixSocketRules), 'origin');
});
