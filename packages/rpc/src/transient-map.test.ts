import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TransientMap } from './transient-map.ts';

test('a TransientMap holds what a Map holds, in the same order, however often it starts afresh', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('set', 'set', 'delete', 'clear'), fc.nat({ max: 40 })), {
    maxLength: 2_000,
    size: 'max',
  });
  fc.assert(
    fc.property(steps, (taken) => {
      const map = new Map<number, number>();
      const transient = new TransientMap<number, number>();
      taken.forEach(([step, key], index) => {
        if (step === 'set') {
          map.set(key, index);
          transient.set(key, index);
        } else if (step === 'delete') assert.equal(transient.delete(key), map.delete(key));
        else if (key === 0) {
          map.clear();
          transient.clear();
        }
        assert.equal(transient.get(key), map.get(key));
        assert.equal(transient.has(key), map.has(key));
        assert.equal(transient.size, map.size);
      });
      assert.deepEqual([...transient.keys()], [...map.keys()]);
      assert.deepEqual([...transient.values()], [...map.values()]);
    }),
    { numRuns: 50 },
  );
});
