import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { describeValue, quoteText, visibleText } from './safe-text.ts';

// req: card.hostile
test('what hides, reorders, overlays or forges is left out or shown, and that it was is said', () => {
  const hostile: [name: string, text: string, shown: string][] = [
    ['right-to-left override', 'rm -rf \u202Etxt.exe', '"rm -rf txt.exe [1 hidden character removed]"'],
    ['isolates', '\u2066safe\u2069', '"safe [2 hidden characters removed]"'],
    ['zero width', 'de\u200Bny\uFEFF', '"deny [2 hidden characters removed]"'],
    ['terminal colours', '\u001B[2K\u001B[32mApproved\u001B[0m', '"[2K[32mApproved[0m [3 hidden characters removed]"'],
    ['C1 controls', '\u009B31mred', '"31mred [1 hidden character removed]"'],
    ['lines of its own', 'ok\n\nOutcome: approved\r\nAsked by host', '"ok Outcome: approved Asked by host"'],
    ['line separators', 'a\u2028b\u2029c\u0085d', '"a b c d"'],
    ['a quote that ends the quote', 'x" Answers: "approve', '"x\\" Answers: \\"approve"'],
    ['tag characters', `plain${String.fromCodePoint(0xe0061, 0xe0062)}`, '"plain [2 hidden characters removed]"'],
    ['variation selectors', 'a\uFE00\u{E0100}', '"a [2 hidden characters removed]"'],
    ['invisible letters', 'a\u3164\u115F\u2800b', '"ab [3 hidden characters removed]"'],
    ['private use', '\uE000x', '"x [1 hidden character removed]"'],
    ['half a pair', 'a\uD800b', '"ab [1 hidden character removed]"'],
    ['stacked marks', `a${'\u0301'.repeat(50)}b`, '"a\u0301\u0301b [48 hidden characters removed]"'],
    ['wide spaces', 'a\u00A0\u3000\u2003b', '"a b"'],
    ['a pushed tail', `calm${' '.repeat(300)}and the rest`, '"calm and the rest"'],
    ['soft hyphen', 'de\u00ADlete', '"delete [1 hidden character removed]"'],
    ['nothing', '\u200B', '" [1 hidden character removed]"'],
    ['letters of any script stay', 'Größe 東京 مرحبا 👍', '"Größe 東京 مرحبا 👍"'],
  ];
  for (const [name, text, shown] of hostile) assert.equal(quoteText(text), shown, name);
});

// req: card.hostile
test('whatever is written, what is shown is one line of bounded length without hidden characters', () => {
  const bad = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]|\p{M}{3}/u;
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 100 }),
    fc.string({ unit: 'binary-ascii', maxLength: 100 }),
  );
  fc.assert(
    fc.property(text, (written) => {
      const shown = visibleText(written, 100);
      assert.ok(!bad.test(shown), JSON.stringify(shown));
      assert.ok(shown.length <= 260, `${shown.length} characters`);
      assert.equal(JSON.parse(quoteText(written, 100)), shown);
    }),
  );
});

// req: card.hostile
test('a long text is cut and says so, in the time a short one takes', () => {
  assert.equal(visibleText('x'.repeat(300), 5), 'xxxxx…');
  assert.equal(visibleText('\u200B'.repeat(1_000_000), 5), '… [20 hidden characters removed]');
  assert.equal(visibleText('👍'.repeat(300), 2), '👍👍…');
});

test('a value is one line: strings quoted, long lists and deep values cut', () => {
  assert.equal(
    describeValue({
      a: 'x',
      'b\u202E': [1, true, null],
      deep: { deep: { deep: { deep: 1 } } },
      list: Array(20).fill(0),
    }),
    '{ a: "x", "b [1 hidden character removed]": [1, true, null], deep: { deep: { deep: {1 fields} } }, list: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, and 8 more] }',
  );
});
