import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { checkParams } from './check-params.ts';
import { method, type MethodDeclaration } from './declare.ts';
import { methods } from './index.ts';

const declare = (params: z.ZodType): MethodDeclaration =>
  method({
    summary: 's',
    params: () => params,
    result: () => z.unknown(),
    access: 'session',
    effect: 'read',
    section: 'State',
  });

const problemOf = (declaration: MethodDeclaration, given: unknown): string | undefined =>
  checkParams('m', declaration, given).problem?.message;

// req: dispatch.params-checked
test('params that fit are handed on checked, with defaults and without what nobody declared', () => {
  const declaration = declare(z.object({ key: z.string(), count: z.number().default(1) }));
  assert.deepEqual(checkParams('m', declaration, { key: 'k', extra: true }), { params: { key: 'k', count: 1 } });
  assert.deepEqual(checkParams('m', declare(z.object({})), undefined), { params: {} });
});

// req: dispatch.params-named
test('each wrong field is named with what was expected there, up to five', () => {
  const declaration = declare(
    z.object({
      key: z.string(),
      list: z.array(z.object({ n: z.int().min(0) })),
      kind: z.enum(['a', 'b']),
      more: z.object({ deep: z.boolean() }).optional(),
    }),
  );
  const { problem } = checkParams('m', declaration, {
    key: 5,
    list: [{ n: 1 }, { n: -1 }, {}],
    kind: 'c',
    more: { deep: 1 },
  });
  assert.equal(problem?.code, -32602);
  assert.equal(
    problem?.message,
    'Invalid params for m: key: expected string, received number; list[1].n: Too small: expected number to be >=0; ' +
      'list[2].n: expected number, but it is missing; kind: Invalid option: expected one of "a"|"b"; ' +
      'more.deep: expected boolean, received number',
  );
  assert.deepEqual(problem?.data, {
    reason: 'invalid_params',
    issues: [
      { path: 'key', message: 'expected string, received number' },
      { path: 'list[1].n', message: 'Too small: expected number to be >=0' },
      { path: 'list[2].n', message: 'expected number, but it is missing' },
      { path: 'kind', message: 'Invalid option: expected one of "a"|"b"' },
      { path: 'more.deep', message: 'expected boolean, received number' },
    ],
  });
  const seven = declare(z.object(Object.fromEntries('abcdefg'.split('').map((name) => [name, z.string()]))));
  assert.match(
    problemOf(seven, {}) ?? '',
    /^Invalid params for m: a: expected string, but it is missing; .*; and 2 more$/,
  );
});

// req: dispatch.params-named
test('params that are no object, or no array where one is declared, are named as such', () => {
  assert.equal(problemOf(methods['state.get'], []), 'Invalid params for m: params: expected object, received array');
  assert.equal(
    problemOf(methods['tools.register'], {}),
    'Invalid params for m: params: expected array, received object',
  );
  assert.equal(
    problemOf(methods['tools.register'], undefined),
    'Invalid params for m: params: expected array, received object',
  );
});

// req: dispatch.params-bounded
test('of params with very many problems only the first is looked for', () => {
  for (const width of [1_000, 100_000]) {
    let visits = 0;
    const wrong = z.custom(() => {
      visits++;
      return false;
    }, 'expected something else');
    const declaration = declare(z.object({ list: z.array(wrong) }));
    const given = { list: Array<number>(width).fill(0) };
    assert.equal(problemOf(declaration, given), 'Invalid params for m: list[0]: expected something else');
    assert.equal(visits, 1);
    assert.match(problemOf(declaration, { list: given.list.slice(0, 10) }) ?? '', /list\[4\].*; and 5 more$/);
  }
});

// req: dispatch.null-optional
test('null counts as left out where that is allowed, and is refused by name where it is not', () => {
  const clearable = declare(
    z.object({
      key: z.string(),
      count: z.number().default(1),
      tag: z.string().optional(),
      note: z.string().nullable(),
    }),
  );
  const check = (given: object) => checkParams('m', clearable, given);
  assert.deepEqual(check({ key: 'k', count: null, tag: null, note: null }), {
    params: { key: 'k', count: 1, note: null },
  });
  assert.match(check({ key: null, note: 'n' }).problem?.message ?? '', /key: expected string, received null/);
  assert.match(check({ key: 'k', count: null, note: 1 }).problem?.message ?? '', /count: .*; note: /);
});
