import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryBudget, type MemoryUser } from './memory-budget.ts';

class User implements MemoryUser {
  memoryBytes = 0;
  readonly #budget: MemoryBudget;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  take(bytes: number): void {
    this.memoryBytes += bytes;
    this.#budget.change(this, bytes);
  }

  halve(): void {
    const bytes = Math.ceil(this.memoryBytes / 2);
    this.memoryBytes -= bytes;
    this.#budget.change(this, -bytes);
  }
}

// req: events.bounds
test('whoever holds most gives way when all together hold too much', () => {
  const budget = new MemoryBudget(100);
  const users = [new User(budget), new User(budget), new User(budget)];
  const [small, large, late] = users as [User, User, User];
  small.take(20);
  large.take(60);
  assert.equal(budget.bytes, 80);
  late.take(30);
  assert.deepEqual(
    users.map(({ memoryBytes }) => memoryBytes),
    [20, 30, 30],
  );
  late.take(1_000);
  assert.ok(budget.bytes <= 100, `${budget.bytes}`);
});

test('a user that is gone is not asked, and one with nothing to give ends the search', () => {
  const budget = new MemoryBudget(10);
  const gone = new User(budget);
  gone.take(8);
  gone.halve();
  gone.halve();
  gone.halve();
  gone.halve();
  budget.remove(gone);
  const stubborn: MemoryUser = { memoryBytes: 50, halve: () => undefined };
  budget.change(stubborn, 50);
  assert.equal(budget.bytes, 50);
});
