import assert from 'node:assert/strict';
import { test } from 'node:test';
import { porter2 } from './porter2.ts';

// Of the sample vocabulary that the algorithm is published with.
const published = `
consign consign consigned consign consigning consign consignment consign consist consist consisted consist
consistency consist consistent consist consistently consist consisting consist consists consist consolation consol
consolations consol consolatory consolatori console consol consoled consol consoles consol consolidate consolid
consolidated consolid consolidating consolid consoling consol consolingly consol consols consol consonant conson
consort consort consorted consort consorting consort conspicuous conspicu conspicuously conspicu conspiracy conspiraci
conspirator conspir conspirators conspir conspire conspir conspired conspir conspiring conspir constable constabl
constables constabl constance constanc constancy constanc constant constant knack knack knackeries knackeri knacks knack
knag knag knave knave knaves knave knavish knavish kneaded knead kneading knead knee knee kneel kneel kneeled kneel
kneeling kneel kneels kneel knees knee knell knell knelt knelt knew knew knick knick knif knif knife knife knight knight
knightly knight knights knight knit knit knits knit knitted knit knitting knit knives knive knob knob knobs knob knock knock
knocked knock knocker knocker knockers knocker knocking knock knocks knock knopp knopp knot knot knots knot
`;

// req: memory.retrieval.stemmer
test('words of the published vocabulary have their published stems', () => {
  const pairs = published.trim().split(/\s+/);
  for (let at = 0; at < pairs.length; at += 2) assert.equal(porter2(pairs[at]!), pairs[at + 1], pairs[at]);
});

// req: memory.retrieval.stemmer
test('forms of one word have one stem, and irregular words keep theirs', () => {
  const same = [
    ['deploy', 'deploys', 'deployed', 'deploying', 'deployment'],
    ['happy', 'happiness'],
    ['try', 'tries', 'tried'],
    ['communicate', 'communication', 'communicating'],
  ];
  for (const forms of same) assert.equal(new Set(forms.map(porter2)).size, 1, forms.map(porter2).join(' '));
  assert.deepEqual(['skis', 'dying', 'news', 'succeed', 'early'].map(porter2), [
    'ski',
    'die',
    'news',
    'succeed',
    'earli',
  ]);
});

test('what is no English word stays what it is', () => {
  for (const word of ['', 'a', 'ab', '42', 'naïve', 'constructor', '日本語', 'x'.repeat(64)]) {
    assert.equal(porter2(word).startsWith(word.slice(0, 3)), true, word);
  }
});
