// The same things said in many ways: none of these sentences is from a collection that rules were chosen on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine } from '../engine.ts';
import {
  explorationBegins,
  explorationEnds,
  interruptionBegins,
  interruptionEnds,
  restriction,
  selfMarked,
  tentative,
} from './markers.ts';
import { isWithheld } from './audience.ts';

const minute = 60_000;

/** What a context shows as current after a fact was stored and something was said. */
function currentAfter(key: string, value: string, ...said: string[]): string {
  let nowMs = minute;
  using memory = new MemoryEngine({ now: () => nowMs });
  memory.ingest({ id: key, key, value, authority: 'peer', atMs: nowMs });
  for (const text of said) memory.addTurn({ speaker: 'user', text, atMs: (nowMs += minute) });
  const pieces = memory.reader
    .context('what holds')
    .filter(({ isCurrent, section }) => isCurrent && section === 'facts');
  return pieces.map(({ text }) => text).join('\n');
}

// req: memory.belief.language
test('a correction is one in whatever words it comes', () => {
  const corrections = [
    'Sorry, I meant Thursday.',
    'My mistake, the workshop is on Thursday.',
    "Come to think of it, I'd rather have the workshop on Thursday.",
    'I take that back: Thursday it is.',
    "Let's set that to Thursday.",
    'Erratum: it should read Thursday.',
    'On reflection, Thursday suits everyone.',
    "We've changed our minds, make it Thursday.",
    'The workshop has been shifted to Thursday.',
    'With immediate effect the workshop is on Thursday.',
    'That was wrong, it should be Thursday.',
  ];
  for (const text of corrections) assert.doesNotMatch(currentAfter('workshop', 'Tuesday', text), /Tuesday/, text);
  const others = [
    'The workshop is on Tuesday.',
    'Is the workshop on Thursday?',
    'Thursday was sunny in Bergen.',
    'My sister likes Thursdays.',
    'Our caterer delivers bread.',
  ];
  for (const text of others) assert.match(currentAfter('workshop', 'Tuesday', text), /Tuesday/, text);
});

// req: memory.belief.language
test('a text that calls itself void is none to rely on', () => {
  for (const label of [
    '[NO LONGER VALID]',
    '[VOID: typo]',
    'Withdrawn:',
    '[does not hold any more]',
    '[Wrong - old rate]',
    'Obsolete -',
    '[DO NOT USE]',
  ]) {
    assert.match(`${label} 12 per cent`, selfMarked, label);
  }
  for (const text of [
    'Invalid tickets are refused at the gate',
    'Dropped calls are counted',
    '[Urgent] call back',
    'Wrong way drivers',
  ]) {
    assert.doesNotMatch(text, selfMarked, text);
  }
});

// req: memory.belief.language
test('an interruption begins and ends in whatever words', () => {
  for (const text of [
    'Sorry to interrupt: the oven is on fire',
    'Before we continue - who has the key?',
    'Quick question: where is Ann?',
    'Let me stop you there. The bank rang.',
    'Something just came up, I need a minute',
    'Excuse me, one moment',
    'I need to step away.',
  ]) {
    assert.match(text, interruptionBegins, text);
  }
  for (const text of [
    'Wait times are long',
    'The pause button is broken',
    'Before we continue the lease we should compare',
    'Urgent care is covered',
  ]) {
    assert.doesNotMatch(text, interruptionBegins, text);
  }
  for (const text of [
    'Done, where were we?',
    'Anyway, as I was saying, the roof',
    "Let's pick this up again",
    'OK, carrying on with the roof',
    'Right, going back to the roof',
    "Sorted. Let's resume the roof",
  ]) {
    assert.match(text, interruptionEnds, text);
  }
});

// req: memory.belief.language
test('what is only tried out begins and ends in whatever words', () => {
  for (const text of [
    "Let's spitball names",
    'Suppose we sold the boat',
    'Just thinking aloud here',
    "Don't take any of this as agreed",
    'Nothing here is final',
    'For the sake of argument, we move',
    'This is purely theoretical',
  ]) {
    assert.match(text, explorationBegins, text);
  }
  for (const text of [
    'We explored the cave',
    'The simulation finished',
    'I take this as a compliment',
    'The final decision is blue',
  ]) {
    assert.doesNotMatch(text, explorationBegins, text);
  }
  for (const text of [
    'Enough daydreaming',
    "Let's wrap this up",
    'Back to reality',
    'So what have we actually decided?',
    'Putting the boat idea aside',
    'On to our real plans',
  ]) {
    assert.match(text, explorationEnds, text);
  }
});

// req: memory.belief.language
test('what is not settled says so in whatever words', () => {
  for (const text of [
    '40 seats (subject to change)',
    'a ballpark of 40',
    'pencilled in for May',
    'working title: Heron',
    'not yet final',
    'TBC',
    'we might take the train',
    'first-cut budget',
  ]) {
    assert.match(text, tentative, text);
  }
  assert.doesNotMatch('The train leaves at nine', tentative);
});

// req: memory.belief.language
test('a restriction names its readers in whatever words', () => {
  const labels = [
    '[SECRET: for the eyes of Legal]',
    '[Limited distribution: shared only with Legal]',
    '(confidential - only for Legal)',
    '[NOT FOR RELEASE: reserved for Legal]',
    '[Internal only, visible to Legal]',
  ];
  for (const label of labels) {
    const text = `${label} the lease ends`;
    assert.match(text, restriction, label);
    assert.equal(isWithheld(text, { role: 'Legal Counsel' }), false, label);
    assert.equal(isWithheld(text, { role: 'Baker' }), true, label);
  }
  assert.equal(isWithheld('[Draft 2] the lease ends', { role: 'Baker' }), false);
});
