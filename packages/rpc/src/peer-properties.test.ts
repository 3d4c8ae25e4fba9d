// Whatever happens in whatever order, each request settles once, with its own answer or for a reason that is true, and
// nothing is left behind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChannelClosedError, RequestTimeoutError, RpcError } from './errors.ts';
import type { IncomingCall } from './incoming-call.ts';
import { createMemoryPair } from './memory-channel.ts';
import { Peer } from './peer.ts';

const isLong = process.env['CAR_TEST_LONG'] === '1';

type Side = 0 | 1;
const side = fc.constantFrom<Side>(0, 1);

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('request' as const),
      from: side,
      timeoutMs: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
      isAbortable: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('resolve' as const, 'reject' as const, 'drop' as const, 'twice' as const),
      at: side,
      pick: fc.nat(20),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), from: side, pick: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('notify' as const, 'forge' as const), from: side, pick: fc.nat(20) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('turn' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('pause' as const, 'resume' as const), at: side }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('close' as const, 'terminate' as const), at: side }) },
);

interface Sent {
  token: string;
  controller: AbortController;
  timeoutMs: number | undefined;
  outcomes: { kind: 'answer' | 'error'; value: unknown }[];
  settled: Promise<unknown>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function play(steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): Promise<void> {
  const channels = createMemoryPair();
  const calls: [IncomingCall[], IncomingCall[]] = [[], []];
  const answered = new Map<string, string>();
  const sent: [Sent[], Sent[]] = [[], []];
  let isCut = false;
  const peers = [0, 1].map(
    (at) =>
      new Peer(
        channels[at as Side],
        { onRequest: (call) => void calls[at as Side].push(call) },
        // Both orders of ids that collide and ids that do not.
        at === 0 ? { idPrefix: 'cb-' } : {},
      ),
  ) as [Peer, Peer];
  for (const peer of peers) peer.start();

  const answer = (call: IncomingCall, how: 'resolve' | 'reject' | 'drop' | 'twice'): void => {
    const { token } = call.params as { token: string };
    if (how === 'drop') {
      call.drop();
      return;
    }
    if (!answered.has(token)) answered.set(token, how === 'reject' ? 'reject' : 'resolve');
    if (how === 'reject') call.reject(new RpcError(-7, token));
    else call.resolve({ token });
    if (how === 'twice') call.reject(new RpcError(-8, 'second answer'));
  };

  for (const each of steps) {
    switch (each.do) {
      case 'request': {
        const controller = new AbortController();
        const token = `${each.from}:${sent[each.from].length}`;
        const entry: Sent = { token, controller, timeoutMs: each.timeoutMs, outcomes: [], settled: Promise.resolve() };
        const signal = each.isAbortable ? controller.signal : undefined;
        entry.settled = peers[each.from].request('work', { token }, { timeoutMs: each.timeoutMs, signal }).then(
          (value) => entry.outcomes.push({ kind: 'answer', value }),
          (value: unknown) => entry.outcomes.push({ kind: 'error', value }),
        );
        sent[each.from].push(entry);
        break;
      }
      case 'resolve':
      case 'reject':
      case 'drop':
      case 'twice': {
        const call = calls[each.at][each.pick % Math.max(1, calls[each.at].length)];
        if (call) answer(call, each.do);
        break;
      }
      case 'abort': {
        const list = sent[each.from];
        list[each.pick % Math.max(1, list.length)]?.controller.abort(new Error('given up'));
        break;
      }
      case 'notify':
        peers[each.from].notify('told', { pick: each.pick }, { isBestEffort: each.pick % 2 === 0 });
        break;
      case 'forge':
        // Answers to ids that were never given out, and garbage.
        channels[each.from].send(`{"jsonrpc":"2.0","id":${1_000 + each.pick},"result":"forged"}`);
        channels[each.from].send('{"id":');
        break;
      case 'turn':
        for (let count = 0; count < each.count; count++) await turn();
        break;
      case 'wait':
        await new Promise((resolve) => setTimeout(resolve, 4));
        break;
      case 'pause':
        channels[each.at].pause();
        break;
      case 'resume':
        channels[each.at].resume();
        break;
      case 'close':
        peers[each.at].close(1000, 'done');
        isCut = true;
        break;
      case 'terminate':
        peers[each.at].terminate('cut');
        isCut = true;
        break;
    }
  }
  for (const channel of channels) channel.resume();
  const isEndedByUs = !isCut;
  peers[0].close();
  await Promise.all(sent.flat().map(({ settled }) => settled));
  await turn();
  await turn();

  for (const { token, outcomes, controller, timeoutMs } of sent.flat()) {
    assert.equal(outcomes.length, 1, `${token} settled once`);
    const [{ kind, value } = { kind: 'error', value: undefined }] = outcomes;
    if (kind === 'answer') {
      assert.deepEqual(value, { token }, 'its own answer');
      assert.equal(answered.get(token), 'resolve');
    } else if (value instanceof RpcError) {
      assert.deepEqual([value.code, value.message, answered.get(token)], [-7, token, 'reject']);
    } else if (value instanceof RequestTimeoutError) assert.ok(timeoutMs !== undefined);
    else if (value instanceof ChannelClosedError) assert.ok(isCut || isEndedByUs);
    else assert.deepEqual([(value as Error).message, controller.signal.aborted], ['given up', true]);
  }
  for (const [at, peer] of peers.entries()) {
    assert.deepEqual([peer.pendingRequests, peer.inFlight, peer.isClosed], [0, 0, true]);
    for (const call of calls[at as Side]) assert.ok(call.isAnswered || call.signal.aborted, 'every call ended');
  }
}

// req: rpc.settles-once
test(
  'each request settles exactly once with its own answer or a true reason, and nothing is left behind',
  { timeout: isLong ? 1_200_000 : 60_000 },
  async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), play), {
      numRuns: isLong ? 20_000 : 1_000,
      seed: 20_260_101,
    });
  },
);
