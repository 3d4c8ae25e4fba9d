import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine, type FactInput } from '../engine.ts';
import { MAX_RECENT } from './graph-belief.ts';

const minute = 60_000;

/** A memory whose clock goes on by a minute with everything it is told. */
function createTold() {
  let nowMs = 0;
  const memory = new MemoryEngine({ now: () => nowMs });
  const next = (): number => (nowMs += minute);
  return {
    memory,
    fact: (key: string, value: string, more: Partial<FactInput> = {}) =>
      memory.ingest({ id: key, key, value, authority: 'peer', atMs: next(), ...more }),
    change: (target: string, key: string, value: string) =>
      memory.supersede(target, { id: key, key, value, authority: 'peer', atMs: next() }),
    say: (text: string, speaker = 'user') => memory.addTurn({ speaker, text, atMs: next() }),
    observe: (key: string, value: string) => memory.addEnvironment({ key, value, atMs: next() }),
    later: (ms: number) => void (nowMs += ms),
    current: (actor?: { role: string }) => shown(memory, true, actor),
    doubted: () => shown(memory, false),
  };
}

function shown(memory: MemoryEngine, isCurrent: boolean, actor?: { role: string }): string {
  return memory.reader
    .context('what holds', actor ? { actor } : {})
    .filter((piece) => piece.isCurrent === isCurrent)
    .map(({ text }) => text)
    .join('\n');
}

// req: memory.belief.quoted-values
test('a turn that says a superseded value is shown as outdated, one that says the new value is not', () => {
  const { fact, change, say, current, doubted } = createTold();
  say('The workshop takes place in Lisbon.');
  fact('place', 'Lisbon');
  say('Noted, Lisbon.', 'assistant');
  change('place', 'place_2', 'Porto');
  say('The workshop takes place in Porto.');
  assert(!current().includes('Lisbon'), current());
  assert(current().includes('user: The workshop takes place in Porto.'));
  assert(doubted().includes('user: The workshop takes place in Lisbon.'));
});

// req: memory.belief.quoted-values
test('of a turn that corrects, the sentence with the old value is outdated and the rest holds', () => {
  const { fact, change, say, current, doubted } = createTold();
  fact('rate', '80 EUR per hour');
  say('The finance team checked. The rate was 80 EUR per hour. It is 95 EUR per hour.');
  change('rate', 'rate_2', '95 EUR per hour');
  assert(current().includes('user: The finance team checked. It is 95 EUR per hour.'), current());
  assert(doubted().includes('The rate was 80 EUR per hour.'));
});

// req: memory.belief.quoted-values
test('what a new value says of the old in parentheses is outdated', () => {
  const { fact, change, current } = createTold();
  fact('discount', '30% discount for partners');
  change('discount', 'discount_2', 'Only 12% discount for partners (30% needs a framework contract)');
  assert(current().includes('Only 12% discount for partners'));
  assert(!current().includes('30%'), current());
});

// req: memory.belief.quoted-values
test('a conclusion that was called void takes the turns that drew it with it', () => {
  const { fact, change, say, current } = createTold();
  fact('plan', 'Ship 40 crates on Monday for 3,200 EUR');
  say('So we ship 40 crates on Monday for 3,200 EUR.');
  change('plan', 'plan_2', '[INVALIDATED: wrong weight] Ship 40 crates on Monday for 3,200 EUR');
  assert(!current().includes('3,200'), current());
});

// req: memory.belief.unmarked
test('an unmarked correction is proposed with a confidence, marks the fact as doubtful, and changes nothing', () => {
  const { memory, fact, say, current, doubted } = createTold();
  const old = fact('train_time', '9:15 am');
  say('Actually, make that 10:40 am.');
  const [candidate, ...others] = memory.reader.belief.candidates({}, 10);
  assert.equal(others.length, 0);
  assert.equal(candidate?.older, old.index);
  assert((candidate?.confidence ?? 0) >= 0.5 && (candidate?.confidence ?? 0) <= 1);
  assert.deepEqual([old.kind, memory.factCount], ['fact', 1]);
  assert(!current().includes('9:15'), current());
  assert.match(doubted(), /perhaps changed, see turn-\d+\) train_time train_time: 9:15 am/);
  assert.deepEqual(
    memory.reader.query('train time').map(({ node }) => node.id),
    ['train_time'],
  );
});

// req: memory.belief.unmarked
test('what is no correction is none: a question, a repetition, another topic, a change that was declared', () => {
  const said = [
    'Should we change it to Friday instead?',
    'The review is on Tuesday now.',
    'Actually, the cat is fine.',
  ];
  for (const text of said) {
    const { memory, fact, say } = createTold();
    fact('review', 'Tuesday');
    fact('owner', 'Ines');
    say(text);
    assert.deepEqual(memory.reader.belief.candidates({}, 10), [], text);
  }
  const { memory, fact, change, say } = createTold();
  fact('review', 'Tuesday');
  change('review', 'review_2', 'Friday');
  say('Change of plans.');
  assert.deepEqual(memory.reader.belief.candidates({}, 10), []);
});

// req: memory.belief.unmarked
test('going back to a value makes the one in between doubtful', () => {
  const { fact, change, say, later, current } = createTold();
  fact('font', 'serif headlines');
  change('font', 'font_2', 'mono headlines');
  later(10 * minute);
  say('Actually, go back to serif headlines.');
  assert(!current().includes('mono headlines'), current());
  assert(current().includes('go back to serif headlines'));
});

// req: memory.belief.constraints
test('a constraint is always there, whatever is said about it', () => {
  const { fact, say, current } = createTold();
  fact('limit', 'at most 50 EUR', { isConstraint: true });
  say('Actually, make that 900 EUR instead.');
  assert(current().includes('at most 50 EUR'));
});

// req: memory.belief.freshness
test('a later observation about the same thing takes the place of an earlier one, under whatever key', () => {
  const { observe, say, current } = createTold();
  observe('door', 'JOB-77 is queued');
  say('Note: JOB-77 is queued');
  observe('alert', 'JOB-77 has failed');
  observe('weather', 'sunny in Ghent');
  assert(!current().includes('queued'), current());
  assert(current().includes('JOB-77 has failed') && current().includes('sunny in Ghent'));
});

// req: memory.belief.exploration
test('what was only tried out is not shown, up to the words that end it', () => {
  const { say, current } = createTold();
  say('We sell at 12 EUR.');
  say("Let's brainstorm, this is just exploratory.");
  say('We could sell at 9 EUR.');
  say("That's enough brainstorming. Send the offer.");
  assert.match(current(), /12 EUR/);
  assert.match(current(), /Send the offer/);
  assert.doesNotMatch(current(), /9 EUR|brainstorm/);
});

// req: memory.belief.interruption
test('an interruption is left out once it is over, by whatever words it ends', () => {
  const { say, current } = createTold();
  say('The budget is ready.');
  say('Hold on - the plumber calls.');
  say('The pipe costs 90.');
  assert.match(current(), /pipe/);
  say('Resuming the budget.');
  assert.doesNotMatch(current(), /pipe|plumber/);
  assert.match(current(), /Resuming the budget/);
});

// req: memory.belief.audience
test('a restricted fact is shown to those it names, and to nobody else who asks', () => {
  const { fact, current } = createTold();
  fact('a', '[RESTRICTED: salaries restricted to HR] Ines earns 5,000');
  fact('b', '[CONFIDENTIAL: for VP+] the merger is on');
  fact('c', '[PRIVATE] no reader is named');
  assert.match(current({ role: 'HR Partner' }), /5,000/);
  assert.doesNotMatch(current({ role: 'HR Partner' }), /merger|no reader/);
  assert.match(current({ role: 'Chief Executive Officer, CEO' }), /merger/);
  assert.doesNotMatch(current({ role: 'Account Executive' }), /merger|5,000/);
});

// req: memory.belief.authority
test('an order against a rule from above is overruled, one that the rule permits is not', () => {
  const { fact, current, doubted } = createTold();
  fact('rule', 'Refunds over 500 EUR require approval of Finance', { authority: 'policy' });
  fact('order', 'Pay the refund of 800 EUR at once', { authority: 'manager' });
  assert.doesNotMatch(current(), /800/);
  assert.match(doubted(), /overruled, see rule/);
  const other = createTold();
  other.fact('leave', 'The team lead can approve refunds', { authority: 'executive' });
  other.fact('order', 'Approve the refunds', { authority: 'manager' });
  assert.match(other.current(), /Approve the refunds/);
});

// req: memory.belief.questions
test('a question states nothing', () => {
  const { say, current, doubted } = createTold();
  say('I am Ada. Did Grace say that the key is under the mat?');
  assert.match(current(), /I am Ada/);
  assert.doesNotMatch(current(), /mat/);
  assert.match(doubted(), /mat/);
});

// req: memory.belief.tenants
test('what one tenant says throws no doubt on what another knows', () => {
  const { memory, fact } = createTold();
  fact('review', 'Tuesday', { tenant: 'a' });
  memory.addTurn({ speaker: 'user', text: 'Actually, change that to Friday instead.', tenant: 'b', atMs: minute * 5 });
  assert.deepEqual(memory.reader.belief.candidates({ tenant: 'a' }, 5), []);
  assert.deepEqual(memory.reader.belief.candidates({ tenant: 'b' }, 5), []);
});

// req: memory.belief.bounded
test('a long history, a megabyte and hostile text are judged within bounds', () => {
  const { memory, fact, say, current } = createTold();
  for (let n = 0; n < MAX_RECENT * 3; n++) {
    fact(`key ${n}`, `value ${n}`);
    say(`The value of key ${n} is ${n}.`);
  }
  say(`Actually, change that. ${'(no) '.repeat(50_000)}`);
  say('\u0000\u001b[31m" \u202e $$$ ((((((((((');
  fact('big', 'x'.repeat(200_000));
  assert(current().length > 0);
  assert(memory.reader.belief.candidates({}, 5).length <= 5);
});
