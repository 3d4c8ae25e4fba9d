import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalEvent } from '@car-runtime/protocol';
import { plain } from '../../../test/run-car.ts';
import { EventCursor } from './follow-plan.ts';
import { startLiveView } from './live-view.ts';
import { PlanProgress } from './plan-progress.ts';

const event = (kind: string, action_id: string, data: JournalEvent['data'] = {}, timestamp = 't'): JournalEvent => ({
  kind,
  action_id,
  data,
  timestamp,
});

/** What a terminal shows of what was written to it: the cursor moves up and clears from there. */
class FakeScreen {
  readonly columns = 60;
  readonly rows: number;
  lines: string[] = [];
  written = 0;

  constructor(rows: number) {
    this.rows = rows;
  }

  write(text: string): void {
    this.written++;
    // oxlint-disable-next-line no-control-regex -- they are what is read
    const [, up = '0'] = /^\u001B\[(\d+)A/.exec(text) ?? [];
    this.lines.splice(this.lines.length - Number(up));
    this.lines.push(...plain(text).replaceAll('\r', '').split('\n').slice(0, -1));
  }
}

// req: cli.plan-run-progress
test('each action has one line that changes in place, and the picture goes when the result comes', () => {
  const screen = new FakeScreen(24);
  const progress = new PlanProgress([
    { id: 'first', what: 'read_file' },
    { id: 'second', what: 'state_write' },
  ]);
  const view = startLiveView(progress, screen, false);
  assert.deepEqual(screen.lines, [
    '· first   waiting             read_file',
    '· second  waiting             state_write',
    '0 of 2 done, 0 running',
  ]);
  view.take([
    event('action_executing', 'first'),
    event('action_succeeded', 'first', { duration_ms: 1_234 }),
    event('action_failed', 'second', {
      duration_ms: 5,
      error: 'no \u001B[2J\u009B2J way, and this goes on for longer than a line has room',
    }),
  ]);
  const shown = screen.lines.slice(-3);
  assert.deepEqual(shown.slice(0, 1).concat(shown.slice(2)), [
    '✓ first   succeeded    1.2 s  read_file',
    '2 of 2 done, 0 running, 1 failed',
  ]);
  assert.match(shown[1] ?? '', /^✗ second {2}failed +5 ms {2}state_write {2}no \\u001b\[2J/);
  assert.ok(screen.lines.every((line) => line.length < screen.columns));
  view[Symbol.dispose]();
  assert.deepEqual(screen.lines, []);
});

// req: cli.plan-run-progress
test('a plan longer than the terminal shows what runs and what changed last, within its rows', () => {
  const screen = new FakeScreen(10);
  const progress = new PlanProgress(Array.from({ length: 5_000 }, (_, index) => ({ id: `a${index}`, what: 'tool' })));
  using view = startLiveView(progress, screen, false);
  view.take([event('action_executing', 'a4000'), event('action_succeeded', 'a10', { duration_ms: 1 })]);
  view.take([event('action_executing', 'a3000')]);
  assert.equal(screen.lines.length, 8);
  const last = screen.lines.join('\n');
  assert.match(last, /a10 +succeeded/);
  assert.match(last, /a4000 +running/);
  assert.match(last, /a3000 +running/);
  assert.match(last, /1 of 5000 done, 2 running$/);
});

// req: cli.plan-run-progress
test('an event is handed on once, although since includes the millisecond of the last one', () => {
  const cursor = new EventCursor();
  const log = ['1 a', '2 b', '2 c'];
  const ask = (): string[] => {
    const { since = '' } = cursor.since;
    const answer = log
      .filter((entry) => entry.slice(0, 1) >= since)
      .map((entry) => event('k', entry.slice(2), {}, entry.slice(0, 1)))
      .toReversed();
    return cursor.take(answer).map(({ action_id }) => action_id ?? '');
  };
  assert.deepEqual(ask(), ['a', 'b', 'c']);
  assert.deepEqual(ask(), []);
  log.push('2 d');
  assert.deepEqual(ask(), ['d']);
  log.push('2 e', '3 f');
  assert.deepEqual(ask(), ['e', 'f']);
  assert.deepEqual(ask(), []);
});
