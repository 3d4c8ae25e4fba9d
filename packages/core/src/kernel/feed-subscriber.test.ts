import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { SharedFrame } from '@car-runtime/rpc';
import { maxQueuedEvents, Subscriber, type Gap } from './feed-subscriber.ts';

/** A reader that can stop reading. */
function createReader({ wantsGaps = false } = {}) {
  const got: string[] = [];
  const dropped: number[] = [];
  const sink = {
    isReaderSlow: false,
    send: (frame: SharedFrame) => void got.push(...frame.messages.map(({ text }) => text ?? '')),
  };
  const encodeGap = ({ after, from, to }: Gap): SharedFrame => SharedFrame.text(`gap ${after} ${from}-${to}`);
  const subscriber = new Subscriber({
    sink,
    encodeGap: wantsGaps ? encodeGap : undefined,
    onDrop: (cursor) => void dropped.push(cursor),
  });
  const push = (from: number, to: number): void => {
    for (let cursor = from; cursor <= to; cursor++) subscriber.push(SharedFrame.text(String(cursor)), cursor);
  };
  const pushBurst = (from: number, to: number): void => {
    subscriber.push(SharedFrame.burst(range(from, to).map((text) => SharedFrame.text(text))), to);
  };
  return { got, dropped, sink, subscriber, push, pushBurst };
}

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
}

async function microtasks(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

// req: runs.producer-never-waits
test('a push hands nothing to the peer: the drain does, and not before the answer to the subscription is queued', async () => {
  const { got, subscriber, push } = createReader();
  push(1, 3);
  await microtasks();
  assert.deepEqual(got, []);
  subscriber.open(0);
  assert.deepEqual(got, []);
  await microtasks();
  assert.deepEqual(got, range(1, 3));
  push(4, 4);
  assert.deepEqual(got, range(1, 3));
  await microtasks();
  assert.deepEqual(got, range(1, 4));
  subscriber[Symbol.dispose]();
  push(5, 5);
  await microtasks();
  assert.equal(got.length, 4);
});

// req: runs.full-queue
test('a reader that stands still loses what its queue has no room for, stays subscribed, and sees the gap in the cursors', async (context: TestContext) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { got, dropped, sink, subscriber, push } = createReader();
  subscriber.open(0);
  sink.isReaderSlow = true;
  push(1, maxQueuedEvents + 10);
  await microtasks();
  assert.deepEqual(got, []);
  assert.deepEqual(dropped.map(String), range(maxQueuedEvents + 1, maxQueuedEvents + 10));
  sink.isReaderSlow = false;
  context.mock.timers.tick(25);
  assert.deepEqual(got, range(1, maxQueuedEvents));
  push(300, 301);
  await microtasks();
  assert.deepEqual(got.slice(maxQueuedEvents), ['300', '301']);
});

// req: runs.full-queue
test('a reader that takes nothing is tried ever less often, and soon again once it took something', async (context: TestContext) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { got, sink, subscriber, push } = createReader();
  let asked = 0;
  let isSlow = true;
  Object.defineProperty(sink, 'isReaderSlow', { get: () => (asked++, isSlow) });
  subscriber.open(0);
  push(1, 2);
  await microtasks();
  const askedIn = (ms: number): number => {
    const before = asked;
    for (let tick = 0; tick < ms; tick++) context.mock.timers.tick(1);
    return asked - before;
  };
  const [early, late] = [askedIn(1_600), askedIn(60_000)];
  assert.ok(early > 5 && late < 60_000 / 250, `asked ${early} times at first, ${late} times in the minute after`);
  isSlow = false;
  askedIn(800);
  assert.deepEqual(got, ['1', '2']);
  isSlow = true;
  push(3, 3);
  await microtasks();
  isSlow = false;
  askedIn(25);
  assert.deepEqual(got, ['1', '2', '3']);
});

// req: runs.gap-events
test('a subscriber that asked for it is told of a gap where it is, also when nothing follows', async (context: TestContext) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { got, sink, subscriber, push } = createReader({ wantsGaps: true });
  subscriber.open(40);
  sink.isReaderSlow = true;
  push(41, 40 + maxQueuedEvents + 5);
  await microtasks();
  sink.isReaderSlow = false;
  context.mock.timers.tick(25);
  assert.deepEqual(got.slice(-2), [String(40 + maxQueuedEvents), `gap 296 297-301`]);
  sink.isReaderSlow = true;
  push(302, 301 + maxQueuedEvents + 1);
  sink.isReaderSlow = false;
  push(600, 600);
  await microtasks();
  assert.deepEqual(got.slice(-2), ['gap 557 558-558', '600']);
});

test('a burst of more than the queue holds reaches a reader that keeps up whole', async () => {
  const { got, dropped, subscriber, push } = createReader();
  subscriber.open(0);
  push(1, 2_000);
  await microtasks();
  assert.deepEqual(got, range(1, 2_000));
  assert.deepEqual(dropped, []);
});

// req: runs.full-queue
test('of events that come together a queue takes those it has room for, and the gap begins where it had none', async (context: TestContext) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { got, dropped, sink, subscriber, pushBurst } = createReader({ wantsGaps: true });
  subscriber.open(0);
  sink.isReaderSlow = true;
  pushBurst(1, 100);
  pushBurst(101, 200);
  pushBurst(201, 300);
  pushBurst(301, 316);
  await microtasks();
  assert.deepEqual(dropped.map(String), range(maxQueuedEvents + 1, 316));
  sink.isReaderSlow = false;
  context.mock.timers.tick(25);
  assert.deepEqual(got, [...range(1, maxQueuedEvents), `gap 256 257-316`]);
  pushBurst(317, 332);
  await microtasks();
  assert.deepEqual(got.slice(-16), range(317, 332));
});

test('many bursts of one turn reach a reader that keeps up whole', async () => {
  const { got, dropped, subscriber, pushBurst } = createReader();
  subscriber.open(0);
  for (let from = 1; from <= 2_000; from += 100) pushBurst(from, from + 99);
  await microtasks();
  assert.deepEqual(got, range(1, 2_000));
  assert.deepEqual(dropped, []);
});
