import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { StateStore } from './state-store.ts';

// req: state.absent
test('a key that was never written reads as null and does not exist', () => {
  const store = new StateStore();
  assert.equal(store.get('k'), null);
  assert.equal(store.has('k'), false);
  assert.equal(store.version('k'), 0);
  store.set('k', null);
  assert.equal(store.has('k'), true);
  assert.equal(store.delete('k'), true);
  assert.equal(store.delete('k'), false);
});

// req: state.versions
test('versions grow with every write and never come back', () => {
  const store = new StateStore();
  store.set('k', 1);
  const first = store.version('k');
  store.set('k', 1);
  const second = store.version('k');
  store.delete('k');
  store.set('k', 1);
  assert(first < second && second < store.version('k'));
});

// req: state.separation
test('tenants and the unscoped side never see each other', () => {
  const store = new StateStore();
  store.set('k', 'unscoped');
  store.view('a').set('k', 'of a');
  store.view('b').set('k', 'of b');
  store.view('a:k').set('x', 'of a:k');
  assert.equal(store.get('k'), 'unscoped');
  assert.equal(store.view('a').get('k'), 'of a');
  assert.equal(store.view('a').get('k:x'), null);
  assert.deepEqual(store.view('b').keys(), ['k']);
  assert.deepEqual(store.keys(), ['k']);
  assert.equal(store.view('').get('k'), 'unscoped');
});

// req: state.separation
test('an unscoped key that looks like a tenant key reaches no tenant and is not listed', () => {
  const store = new StateStore();
  store.view('a').set('k', 'secret');
  assert.equal(store.get('tenant:a:k'), null);
  assert.equal(store.has('tenant:a:k'), false);
  store.set('tenant:a:k', 'forged');
  assert.equal(store.view('a').get('k'), 'secret');
  assert.equal(store.get('tenant:a:k'), 'forged');
  assert.deepEqual(store.keys(), []);
  assert.deepEqual(Object.keys(store.snapshot()), []);
  store.delete('tenant:a:k');
  assert.deepEqual(Object.entries(store.view('a').snapshot()), [['k', 'secret']]);
});

// req: state.snapshots
test('a snapshot holds any key as a plain member, sorted', () => {
  const store = new StateStore();
  for (const key of ['b', '__proto__', 'constructor', 'a']) store.set(key, { from: key });
  const snapshot = store.snapshot();
  assert.equal(
    JSON.stringify(snapshot),
    '{"__proto__":{"from":"__proto__"},"a":{"from":"a"},"b":{"from":"b"},"constructor":{"from":"constructor"}}',
  );
  assert.equal(snapshot['toString'], undefined);
});

test('restoring a checkpoint brings back values, versions and absence', () => {
  const store = new StateStore();
  store.set('kept', 1);
  store.set('removed', 2);
  const before = [store.snapshot(), store.version('kept')];
  const checkpoint = store.checkpoint();
  checkpoint.set('kept', 10);
  checkpoint.set('kept', 11);
  checkpoint.set('new', 12);
  checkpoint.delete('removed');
  assert.deepEqual(Object.entries(store.snapshot()), [
    ['kept', 11],
    ['new', 12],
  ]);
  assert.deepEqual(checkpoint.restore().toSorted(), ['kept', 'new', 'removed']);
  assert.deepEqual([store.snapshot(), store.version('kept')], before);
  assert.deepEqual(checkpoint.restore(), []);
});

test('a released checkpoint has nothing left to restore', () => {
  const store = new StateStore();
  const checkpoint = store.checkpoint();
  checkpoint.set('k', 1);
  checkpoint.release();
  checkpoint.restore();
  assert.equal(store.get('k'), 1);
});

test('what someone else wrote after a checkpoint is not taken back', () => {
  const store = new StateStore();
  store.set('k', 0);
  const checkpoint = store.checkpoint();
  checkpoint.set('k', 1);
  store.set('k', 2);
  checkpoint.restore();
  assert.equal(store.get('k'), 2);
});

test('a tenant that holds nothing any more is forgotten, also after a rollback', () => {
  const store = new StateStore();
  const tenant = store.view('a');
  const checkpoint = tenant.checkpoint();
  checkpoint.set('k', 1);
  checkpoint.restore();
  tenant.set('k', 2);
  assert.deepEqual(tenant.keys(), ['k']);
});

// The model keeps, for each key, the list of writes that still stand; what shows is the last of them.
test('any interleaving of checkpoints shows the writes that were not taken back, in the order they were made', () => {
  const key = fc.constantFrom('x', 'y');
  const step = fc.oneof(
    fc.record({ do: fc.constant('set' as const), by: fc.nat(3), key, value: fc.nat(99) }),
    fc.record({ do: fc.constant('delete' as const), by: fc.nat(3), key }),
    fc.record({ do: fc.constantFrom('restore' as const, 'release' as const), by: fc.integer({ min: 1, max: 3 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const store = new StateStore();
      const checkpoints = [store, store.checkpoint(), store.checkpoint(), store.checkpoint()] as const;
      let standing: { by: number; key: string; value: number | undefined }[] = [];
      for (const action of steps) {
        const writer = checkpoints[action.by as 0];
        if (action.do === 'set') {
          writer.set(action.key, action.value);
          standing.push({ by: action.by, key: action.key, value: action.value });
        } else if (action.do === 'delete') {
          writer.delete(action.key);
          standing.push({ by: action.by, key: action.key, value: undefined });
        } else {
          checkpoints[action.by as 1][action.do]();
          standing =
            action.do === 'restore'
              ? standing.filter(({ by }) => by !== action.by)
              : standing.map((write) => (write.by === action.by ? { ...write, by: 0 } : write));
        }
        for (const name of ['x', 'y']) {
          const last = standing.findLast((write) => write.key === name);
          assert.equal(store.get(name), last?.value ?? null);
          assert.equal(store.has(name), last?.value !== undefined);
        }
      }
    }),
    { numRuns: 500 },
  );
});

// req: state.bounds
test('a full store takes nothing that adds to it, all of a write or none of it, and has room again for what gets smaller', () => {
  const store = new StateStore({ maxKeys: 3, maxChars: 100 });
  store.set('a', 1);
  store.view('t').set('b', 2);
  assert.throws(() => store.set('long', 'x'.repeat(100)), {
    name: 'StateError',
    reason: 'state_full',
    message: 'Cannot write state key "long": the state would have more than 100 characters as JSON',
  });
  assert.equal(
    store.assign({ c: 1, d: 2 }),
    'Cannot write state key "d": 2 keys are there, at most 3 are allowed',
    'tenants count together',
  );
  assert.deepEqual(store.keys(), ['a']);
  assert.equal(store.assign({ c: 'x'.repeat(60) }), null);
  assert.equal(store.assign({ a: 2, c: 'x'.repeat(50) }), null, 'a full store can be changed');
  assert.ok(store.delete('c'));
  assert.equal(store.assign({ d: 'x'.repeat(60) }), null);
  assert.deepEqual(store.snapshot(), Object.assign(Object.create(null), { a: 2, d: 'x'.repeat(60) }));
});

// req: state.bounds
test('what a checkpoint takes back makes room again, and what it may not write it leaves alone', () => {
  const store = new StateStore({ maxKeys: 2, maxChars: 1_000 });
  store.set('a', 1);
  for (let round = 0; round < 5; round++) {
    const checkpoint = store.checkpoint();
    checkpoint.set('b', round);
    assert.throws(() => checkpoint.set('c', 1), { reason: 'state_full' });
    assert.match(checkpoint.assign({ a: 2, d: 1 }) ?? '', /"d": 2 keys are there/);
    assert.deepEqual(checkpoint.restore(), ['b']);
    assert.deepEqual(store.snapshot(), Object.assign(Object.create(null), { a: 1 }));
  }
  const tenants = new StateStore({ maxKeys: 1, maxChars: 10 });
  assert.match(tenants.view('a'.repeat(20)).assign({ k: 1 }) ?? '', /more than 10 characters/);
  assert.equal(tenants.view('t').assign({ k: 1 }), null, 'a refused tenant leaves nothing behind');
});
