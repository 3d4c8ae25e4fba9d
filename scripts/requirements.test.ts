import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { requirementErrors } from './requirements.ts';
import { temporaryRepository } from './temporary-repository.ts';

const manifest = 'docs/requirements/transport.json';

test('requirements that are all cited, by several on one line too, are in order', (t) => {
  const errors = check(t, {
    [manifest]: [requirement('transport.batch-empty'), requirement('transport.ids')],
    'docs/requirements/state.json': [requirement('state.tenant')],
    'packages/rpc/src/a.test.ts': '// req: transport.batch-empty, state.tenant',
    'examples/b.test.ts': "test('x', () => {\n  // req: transport.ids\n});",
  });
  assert.deepEqual(errors, []);
});

test('a requirement without a test is reported, wherever else its id stands', (t) => {
  const errors = check(t, {
    [manifest]: [requirement('transport.ids')],
    'packages/rpc/src/a.ts': '// req: transport.ids',
    'packages/rpc/src/a.test.ts': "test('req: transport.ids');",
  });
  assert.deepEqual(errors, [`${manifest}: "transport.ids" has no test`]);
});

test('a known gap needs no test and may have none', (t) => {
  const errors = check(t, {
    [manifest]: [requirement('transport.ids', 'not yet'), requirement('transport.late', 'not yet')],
    'scripts/a.test.ts': '// req: transport.late',
  });
  assert.deepEqual(errors, [`${manifest}: "transport.late" is called a gap and scripts/a.test.ts tests it`]);
});

test('a citation of what no manifest has is reported', (t) => {
  const errors = check(t, { [manifest]: [], 'packages/rpc/src/a.test.ts': '// req: transport.idz' });
  assert.deepEqual(errors, ['packages/rpc/src/a.test.ts: cites "transport.idz", which no manifest has']);
});

test('an id that two manifests have is reported', (t) => {
  const errors = check(t, {
    [manifest]: [requirement('transport.ids', 'not yet')],
    'docs/requirements/z.json': [requirement('transport.ids', 'not yet')],
  });
  assert.deepEqual(errors, ['docs/requirements/z.json: "transport.ids" is there twice']);
});

test('an entry with a missing, misspelt or unknown field is reported', (t) => {
  const whole = requirement('transport.ids', 'not yet');
  const errors = check(t, {
    [manifest]: [
      { ...whole, behaviour: 1 },
      { ...whole, test: 'x' },
      { ...whole, id: 'Ids' },
    ],
  });
  assert.equal(errors.length, 3);
});

function requirement(id: string, gap?: string): object {
  return { id, section: 'Framing', behaviour: 'It behaves', ...(gap !== undefined && { gap }) };
}

function check(t: TestContext, files: Record<string, string | object[]>): string[] {
  return requirementErrors(temporaryRepository(t, files));
}
