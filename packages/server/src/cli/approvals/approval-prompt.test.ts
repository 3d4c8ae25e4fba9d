import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostApproval } from '@car-runtime/protocol';
import { plain } from '../../../test/run-car.ts';
import { ApprovalPrompt, minLookMs, settleMs } from './approval-prompt.ts';

let lastNumber = 0;

function approval(more: Partial<HostApproval> = {}): HostApproval {
  const number = ++lastNumber;
  return {
    id: `approval-${String(number).padStart(8, '0')}-0000`,
    number,
    action: `action ${number}`,
    details: null,
    options: ['approve', 'deny'],
    status: 'pending',
    created_at: '2026-01-02T03:04:05.000Z',
    card: `Call number ${number}\n  with: "param"`,
    ...more,
  };
}

/** A terminal as the person in front of it sees it, and a person with a watch. */
function createScene({ rows = 24, columns = 60 } = {}) {
  const decided: string[] = [];
  let lines: string[] = [];
  let now = 0;
  const screen = {
    rows,
    columns,
    write: (text: string): void => {
      // oxlint-disable-next-line no-control-regex -- it is what a terminal obeys
      const up = /^\u001B\[(\d+)A\r\u001B\[J/.exec(text);
      if (up) lines = lines.slice(0, lines.length - Number(up[1]));
      const rest = text.slice(up?.[0].length ?? 0).replaceAll('\u0007', '');
      if (rest !== '') lines.push(...rest.replace(/\n$/, '').split('\n'));
    },
  };
  const prompt = new ApprovalPrompt({
    screen,
    now: () => now,
    decide: ({ action }, resolution) => void decided.push(`${action}: ${resolution}`),
    showWhole: ({ action }) => prompt.say(`all of ${action}`),
  });
  const press = (key: string, afterMs = settleMs) => {
    now += afterMs;
    return prompt.key(key);
  };
  const see = () => plain(lines.join('\n'));
  return { prompt, decided, press, see };
}

// req: cli.approvals-watch
test('a card is shown with its keys, and one key decides', () => {
  const { prompt, decided, press, see } = createScene();
  prompt.replace([]);
  assert.equal(see(), 'Nothing waits for you. q quits');
  const one = approval();
  prompt.asked(one);
  const rule = '─'.repeat(59);
  assert.equal(
    see(),
    `${rule}\n1 waiting · ${one.id.slice(9, 17)}\n${one.card}\n${rule}\na approve   d deny   s later   q quit`,
  );
  press('x');
  press('a');
  assert.deepEqual(decided, [`${one.action}: approve`]);
  assert.match(see(), /telling the daemon/);
  press('d');
  prompt.ended({ ...one, status: 'resolved', resolution: 'approve', outcome: 'approved' });
  assert.equal(see(), `✓ ${one.action} approved · ${one.id.slice(9, 17)}\nNothing waits for you. q quits`);
  assert.equal(decided.length, 1);
});

// req: cli.approvals-watch
test('a key pressed before the card was there decides nothing', () => {
  const { prompt, decided, press } = createScene();
  const [one, two] = [approval(), approval()];
  prompt.replace([one, two]);
  press('a', settleMs - 1);
  assert.deepEqual(decided, []);
  press('a', 1);
  prompt.ended({ ...one, status: 'resolved', outcome: 'approved' });
  press('d', settleMs - 1);
  assert.deepEqual(decided, [`${one.action}: approve`]);
  press('d', 1);
  assert.deepEqual(decided, [`${one.action}: approve`, `${two.action}: deny`]);
});

// req: cli.approvals-watch
test('what cannot be undone takes a second key and a look; denying it takes one', () => {
  const { prompt, decided, press, see } = createScene();
  const one = approval({ reversibility: 'irreversible' });
  prompt.replace([one]);
  press('a');
  assert.match(see(), /It cannot be undone: y approve, any other key goes back$/);
  press('a', 10_000);
  assert.match(see(), /a approve/);
  press('a');
  press('y', 0);
  assert.deepEqual(decided, [`${one.action}: approve`], 'looked at long enough by then');
  prompt.failed(one, 'try again');
  const two = approval({ reversibility: 'irreversible' });
  prompt.replace([two]);
  press('a');
  press('y', 0);
  assert.match(see(), /That was fast/);
  assert.equal(decided.length, 1);
  press('y', minLookMs);
  assert.equal(decided.length, 2);
  const three = approval({ reversibility: 'irreversible' });
  prompt.failed(two, 'x');
  prompt.replace([three]);
  press('d');
  assert.equal(decided.at(-1), `${three.action}: deny`);
});

// req: cli.approvals-watch
test('a card that does not fit is approved only after all of it was shown', () => {
  const { prompt, decided, press, see } = createScene({ rows: 12 });
  const long = approval({ card: Array.from({ length: 30 }, (_, index) => `line ${index}`).join('\n') });
  prompt.replace([long]);
  assert.match(see(), /line 4\n… 25 more lines; v shows them/);
  press('a');
  assert.match(see(), /press v to read it all first$/);
  assert.deepEqual(decided, []);
  press('v');
  assert.match(see(), /line 28\nline 29\n/);
  press('a');
  assert.deepEqual(decided, [`${long.action}: approve`]);
});

// req: cli.approvals-watch
test('a long value is wrapped, never cut, and nothing in a card is obeyed by the terminal', () => {
  const { prompt, see } = createScene({ columns: 40 });
  prompt.replace([approval({ card: `Call x\n  value: "${'a'.repeat(60)}TAIL"\n  evil: \u001B[2J\u202Ex` })]);
  const text = see();
  assert.ok(text.replaceAll(/\n\s*/g, '').includes(`${'a'.repeat(60)}TAIL`));
  assert.ok(text.split('\n').every((line) => line.length <= 39));
  // oxlint-disable-next-line no-control-regex -- they are what must not be there
  assert.ok(!/[\u001B\u202E]/.test(text));
});

// req: cli.approvals-watch
test('options of its own have numbers, and s puts off until the others were seen', () => {
  const { prompt, decided, press, see } = createScene();
  const one = approval({ options: ['staging', 'production', 'cancel'] });
  const two = approval();
  prompt.replace([one, two]);
  assert.match(see(), /1 staging {3}2 production {3}3 cancel {3}s later {3}q quit$/);
  press('9');
  press('s');
  assert.match(see(), new RegExp(`Call number ${two.number}`));
  prompt.replace([one, two]);
  assert.match(see(), new RegExp(`Call number ${two.number}`), 'it stays put off');
  press('s');
  press('2');
  assert.deepEqual(decided, [`${one.action}: production`]);
});

// req: cli.approvals-watch
test('what is decided elsewhere or ends goes away, and is said', () => {
  const { prompt, see, press } = createScene();
  const one = approval();
  prompt.replace([one]);
  prompt.ended({ ...one, outcome: 'expired' });
  prompt.ended(one);
  assert.equal(see(), `✗ ${one.action} expired · ${one.id.slice(9, 17)}\nNothing waits for you. q quits`);
  assert.equal(press('a'), undefined);
  for (const key of ['q', '\u0003', '\u0004']) assert.equal(press(key), 'quit');
});

// req: approvals.whole
test('where a card says that it is cut, a key shows all of the action and the card stays', () => {
  const { prompt, decided, press, see } = createScene();
  const one = approval({ card: 'Call x\n  with: "abc…" (7 more characters)' });
  prompt.asked(one);
  assert.match(see(), /a approve {3}d deny {3}f full {3}s later/);
  press('f');
  assert.ok(see().startsWith(`all of ${one.action}\n`));
  assert.match(see(), /7 more characters/);
  assert.deepEqual(decided, []);
});
