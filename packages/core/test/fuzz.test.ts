// A daemon of its own process under a hail of frames from raw sockets: afterwards it answers as before, nothing went
// unhandled, and its memory is back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientFrame, DaemonProcess, RawSocket, turnOver } from '@car-runtime/testkit';
import { FrameFuzzer, Random } from './frame-fuzzer.ts';

const isLong = process.env['CAR_TEST_LONG'] === '1';
const frames = isLong ? 200_000 : 20_000;
const seed = Number(process.env['CAR_FUZZ_SEED'] ?? 20_260_101);
/** Frames of one connection at most; a broken one ends it sooner. */
const framesPerConnection = 400;

/** Throws frames at one connection until it is closed or has had its share; answers how many were sent. */
async function pelt(daemon: DaemonProcess, fuzzer: FrameFuzzer, random: Random, share: number): Promise<number> {
  await using raw = await RawSocket.upgraded(daemon.address);
  if (random.isLucky(0.9)) {
    raw.sendText(
      JSON.stringify({ jsonrpc: '2.0', id: 'auth', method: 'session.auth', params: { token: daemon.token } }),
    );
    await raw.nextFrame();
  }
  let isWhole = true;
  let sent = 0;
  while (sent < share && !raw.isClosed) {
    const { bytes, isWellFormed } = fuzzer.next();
    sent++;
    // In pieces now and then, as networks do.
    const cut = random.isLucky(0.1) ? random.below(bytes.length) : 0;
    if (cut > 0) {
      raw.write(bytes.subarray(0, cut));
      await turnOver();
    }
    const isTaken = raw.write(bytes.subarray(cut));
    if (!isWellFormed) {
      // Some of what is broken only waits for more, and swallows what comes next.
      if (random.isLucky(0.5)) break;
      isWhole = false;
      await turnOver();
    } else if (!isWhole) await turnOver();
    else if (!isTaken || sent % 32 === 0) {
      raw.sendText('{"jsonrpc":"2.0","id":"pace","method":"server.status"}');
      await raw.nextFrame().catch(() => undefined);
    }
  }
  return sent;
}

// req: fuzz.frames
test(`${frames} fuzzed frames leave a healthy daemon`, { timeout: isLong ? 1_200_000 : 110_000 }, async () => {
  await using daemon = await DaemonProcess.start();
  const bystander = await daemon.connect();
  await bystander.result('state.set', { key: 'k', value: 'mine' });
  const random = new Random(seed);
  // What is loaded on first use is loaded before the measuring.
  for (let warm = 0; warm < 25; warm++) await pelt(daemon, new FrameFuzzer(random.below(2 ** 31)), random, 200);
  await settle(daemon);
  const before = await daemon.health();
  let sent = 0;
  while (sent < frames) {
    const share = Math.min(framesPerConnection, frames - sent);
    const throws = Array.from({ length: 4 }, () =>
      pelt(daemon, new FrameFuzzer(random.below(2 ** 31)), new Random(random.below(2 ** 31)), Math.ceil(share / 4)),
    );
    for (const count of await Promise.all(throws)) sent += count;
  }
  await settle(daemon);
  const after = await daemon.health();
  assert.deepEqual(after.unhandled, []);
  assert.equal(after.sessions, 1);
  const grownMb = (what: 'rssBytes' | 'heapBytes'): number => (after[what] - before[what]) / 1e6;
  assert.ok(grownMb('heapBytes') < 24, `the heap grew by ${grownMb('heapBytes').toFixed(1)} MB (seed ${seed})`);
  assert.ok(grownMb('rssBytes') < 100, `resident memory grew by ${grownMb('rssBytes').toFixed(1)} MB (seed ${seed})`);
  assert.equal(await bystander.result('state.get', { key: 'k' }), 'mine');
  const fresh = await daemon.connect();
  const status = (await fresh.result('server.status', {})) as { degraded: string[]; sessions: number };
  assert.deepEqual([status.degraded, status.sessions], [[], 2]);
  await Promise.all([bystander.close(), fresh.close()]);
});

/** Waits until the daemon has noticed that the connections are gone. */
async function settle(daemon: DaemonProcess): Promise<void> {
  for (;;) {
    const { sessions } = await daemon.health();
    if (sessions <= 1) return;
  }
}

// req: fuzz.abuse
test('sockets that abuse the protocol end themselves and nobody else', { timeout: 110_000 }, async () => {
  await using daemon = await DaemonProcess.start();
  const bystander = await daemon.connect();
  const auth = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'session.auth', params: { token: daemon.token } });
  const authenticated = async (): Promise<RawSocket> => {
    const raw = await RawSocket.upgraded(daemon.address);
    raw.sendText(auth);
    await raw.nextText();
    return raw;
  };
  const abuses: Record<string, () => Promise<void>> = {
    'a frame that never ends': async () => {
      const raw = await authenticated();
      raw.write(clientFrame('x'.repeat(1_000), { claimedLength: 1_000_000n }));
      raw.socket.destroy();
    },
    'a message in a thousand and one fragments': async () => {
      const raw = await authenticated();
      raw.write(clientFrame('[', { fin: false }));
      for (let n = 0; n < 1_100; n++) raw.write(clientFrame(' ', { opcode: 0, fin: false }));
      assert.equal(await raw.closeCode(), 1008);
    },
    'one byte at a time': async () => {
      const raw = await authenticated();
      for (const byte of clientFrame('{"jsonrpc":"2.0","id":7,"method":"state.keys"}')) raw.write(Uint8Array.of(byte));
      assert.equal(await raw.nextText(), '{"jsonrpc":"2.0","id":7,"result":[]}');
      await raw[Symbol.asyncDispose]();
    },
    'fifty pings at once': async () => {
      const raw = await authenticated();
      raw.write(Buffer.concat(Array.from({ length: 50 }, () => clientFrame('p', { opcode: 9 }))));
      for (let n = 0; n < 50; n++) assert.equal((await raw.nextFrame()).opcode, 10);
      await raw[Symbol.asyncDispose]();
    },
    'more pings than pongs can be queued': async () => {
      const raw = await authenticated();
      raw.write(Buffer.concat(Array.from({ length: 5_000 }, () => clientFrame('p', { opcode: 9 }))));
      await raw.closed;
    },
    'requests and no reading': async () => {
      const raw = await authenticated();
      raw.socket.pause();
      const big = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'rpc.discover' });
      for (let n = 0; n < 200; n++) raw.sendText(big);
      await bystander.expectQuiet();
      raw.socket.destroy();
    },
    'closing, and going on': async () => {
      const raw = await authenticated();
      raw.write(clientFrame(Uint8Array.of(3, 232), { opcode: 8 }));
      for (let n = 0; n < 100; n++)
        raw.sendText('{"jsonrpc":"2.0","id":1,"method":"state.set","params":{"key":"k","value":1}}');
      assert.equal(await raw.closeCode(), 1000);
      await raw.closed;
    },
    'half a handshake': async () => {
      const raw = await RawSocket.open(daemon.address);
      raw.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n');
      raw.socket.destroy();
    },
    'no HTTP at all': async () => {
      const raw = await RawSocket.open(daemon.address);
      raw.write(new Random(1).bytes(5_000));
      await raw.closed;
    },
    'a reset in the middle of everything': async () => {
      for (let n = 0; n < 50; n++) {
        const raw = await RawSocket.upgraded(daemon.address);
        raw.sendText(auth);
        raw.sendText('{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}');
        raw.socket.resetAndDestroy();
      }
    },
  };
  for (const [what, abuse] of Object.entries(abuses)) {
    await abuse();
    await bystander.expectQuiet();
    assert.deepEqual((await daemon.health()).unhandled, [], what);
  }
  await settle(daemon);
  await bystander.close();
});
