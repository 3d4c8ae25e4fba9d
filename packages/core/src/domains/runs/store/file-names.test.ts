import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { idProblem } from '../identity.ts';
import { fileNameOf, folderNameOf } from './file-names.ts';

const id = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    fc.string({
      unit: fc.constantFrom('a', 'A', '.', '%', '~', ':', '4', '1', 'é', 'e\u0301', ' ', '-'),
      minLength: 1,
    }),
    fc.string({ unit: fc.constantFrom('A', '😀', 'z'), minLength: 40, maxLength: 200 }),
  )
  .filter((text) => idProblem(text) === undefined);

// req: runs.file-names
test('two identifiers never have one name, not even where case does not count or Unicode is normalised', () => {
  for (const platform of ['linux', 'win32'] as const) {
    fc.assert(
      fc.property(id, id, (a, b) => {
        fc.pre(a !== b);
        const names = [a, b].map((each) => folderNameOf(each, platform).toLowerCase().normalize('NFC'));
        assert.notEqual(names[0], names[1]);
      }),
      { numRuns: 2_000 },
    );
  }
});

// req: runs.file-names
test('a name stays in its folder, is short enough for every file system, and is the identifier where that is plain', () => {
  fc.assert(
    fc.property(id, (each) => {
      for (const name of [folderNameOf(each), fileNameOf(each)]) {
        assert.match(name, /^[a-z0-9._:%~-]{1,250}$/);
        assert.ok(name !== '.' && name !== '..');
      }
      if (/^[a-z0-9._:-]+$/.test(each)) assert.equal(fileNameOf(each), `${each}.jsonl`);
    }),
    { numRuns: 2_000 },
  );
  assert.equal(folderNameOf('name:my-agent'), 'name:my-agent');
  assert.equal(folderNameOf('name:my-agent', 'win32'), 'name%3amy-agent');
  assert.equal(folderNameOf('Agent One'), '%41gent%20%4fne');
  assert.equal(folderNameOf('.nobackup'), '%2enobackup');
  assert.equal(folderNameOf('.index.sqlite-wal'), '%2eindex.sqlite-wal');
  assert.equal(folderNameOf('.hidden'), '.hidden');
  assert.deepEqual(
    ['con', 'con.x', 'console', 'a.'].map((each) => folderNameOf(each, 'win32')),
    ['%63on', '%63on.x', 'console', 'a%2e'],
  );
});

// req: runs.identifiers
test('identifiers that no path may have in it are refused, each with its reason', () => {
  const refused = [
    '',
    '.',
    '..',
    'a/b',
    '/',
    'a\\b',
    'a\0b',
    '\n',
    '\u007f',
    '\u0085',
    '\ud800',
    'x\udfff',
    'é'.repeat(101),
  ];
  for (const each of refused) assert.notEqual(idProblem(each), undefined, JSON.stringify(each));
  const taken = ['a', '...', '.a', 'name:a', 'é'.repeat(100), 'A B', '%2f', '‮', 'con', '😀'];
  for (const each of taken) assert.equal(idProblem(each), undefined, each);
});
