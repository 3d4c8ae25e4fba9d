// Budgets under every order of calls, ends, crashes and clocks: never more is used than there is.
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TempFolder } from '@car-runtime/testkit';
import fc from 'fast-check';
import { meters, none, plus, type Units } from './amounts.ts';
import { limitOf, type Account } from './book.ts';
import { call, createRig, FakeClock } from './budget-rig.ts';
import type { BudgetService, Held } from './service.ts';

const numRuns = process.env['CAR_TEST_LONG'] ? 2_000 : 150;

const toml = `
[[budget]]
name = "all"
per = "total"
tool_calls = 25
cost_usd = 0.0003

[[budget]]
name = "daily"
agent = "*"
per = "day"
tool_calls = 8
tokens = 100
wall_time_ms = 1000

[[budget]]
name = "per-run"
per = "run"
tool_calls = 5
`;

const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('reserve' as const),
        agent: fc.constantFrom('a1', 'a2'),
        run: fc.constantFrom('r1', 'r2', 'r3'),
        tokens: fc.integer({ min: 0, max: 40 }),
        micros: fc.integer({ min: 0, max: 40 }),
        timeoutMs: fc.integer({ min: 1, max: 700 }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constantFrom('end' as const, 'release' as const),
        which: fc.nat(50),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
        tookMs: fc.integer({ min: 0, max: 900 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('pass' as const), hours: fc.integer({ min: -48, max: 30 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('extend' as const),
        agent: fc.constantFrom('a1', 'a2'),
        calls: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), isBetweenTurns: fc.boolean() }) },
  ),
  { maxLength: 80 },
);

function assertNothingOverspent({ book, catalogue }: BudgetService): void {
  for (const account of book.accounts.values()) {
    const limits = catalogue.get(account.ref[0])?.limits ?? {};
    for (const meter of meters) {
      const limit = limitOf(account, limits, meter);
      if (limit === undefined) continue;
      const used = account.spent[meter] + account.reserved[meter];
      assert.ok(used <= limit, `${account.ref.join(' ')}: ${meter} ${used} of ${limit}`);
      assert.ok(account.reserved[meter] >= 0);
    }
  }
}

/** What a crash may not give back: what is booked, by account. */
function spentOf({ book }: BudgetService): Map<string, Units> {
  return new Map([...book.accounts.values()].map(({ ref, spent }: Account) => [JSON.stringify(ref), spent]));
}

// req: budget.never-overspent, budget.crash, budget.clock-back
test('whatever comes at once, ends, crashes or turns the clock back, no account is overspent and nothing is given back', () => {
  fc.assert(
    fc.property(steps, (schedule) => {
      using folder = new TempFolder();
      const clock = new FakeClock();
      let generation = 0;
      let { service, ledgerPath } = createRig({
        folder: folder.path,
        toml,
        clock,
        ledgerName: 'l0',
        compactBytes: 2_000,
      });
      let held: { held: Held; most: Units; key: string }[] = [];
      /** Calls that were let through and not taken back, by agent and day: counted from the outside. */
      let day = '';
      const calls = new Map<string, number>();
      const extra = new Map<string, number>();
      for (const step of schedule) {
        if ('timeoutMs' in step) {
          const answer = service.hold(call(step));
          assert.ok(answer);
          if ('error' in answer) continue;
          const today = service.today();
          assert.ok(today >= day, 'days only go forward');
          day = today;
          const key = `${step.agent} ${day}`;
          calls.set(key, (calls.get(key) ?? 0) + 1);
          held.push({ held: answer, most: { ...none, tokens: step.tokens, cost_usd: step.micros }, key });
        } else if ('tookMs' in step) {
          const [one] = held.splice(step.which % Math.max(1, held.length), 1);
          if (!one) continue;
          clock.pass(step.tookMs);
          const { tokens, cost_usd } = one.most;
          const used = { tokens: Math.floor(tokens * step.share), cost_usd: Math.floor(cost_usd * step.share) };
          if (step.kind === 'end') one.held.end(used);
          else {
            one.held.release();
            calls.set(one.key, (calls.get(one.key) ?? 0) - 1);
          }
          // Ended twice counts once.
          one.held.release();
        } else if ('hours' in step) clock.epochMs += step.hours * 3_600_000;
        else if ('calls' in step) {
          const today = service.today();
          const units = plus(none, { ...none, tool_calls: step.calls });
          service.record({ extend: ['daily', step.agent, `day:${today}`], units, by: 'test' });
          extra.set(`${step.agent} ${today}`, (extra.get(`${step.agent} ${today}`) ?? 0) + step.calls);
        } else {
          if (step.isBetweenTurns) service.record({ day: service.today() });
          const before = spentOf(service);
          generation++;
          // Whatever is with the operating system at this very moment is what the next life finds.
          try {
            copyFileSync(ledgerPath, join(folder.path, `l${generation}`));
          } catch {
            assert.equal(before.size, 0);
          }
          service[Symbol.dispose]();
          ({ service, ledgerPath } = createRig({
            folder: folder.path,
            clock,
            ledgerName: `l${generation}`,
            compactBytes: 2_000,
          }));
          held = [];
          const after = spentOf(service);
          for (const [key, spent] of before) {
            const left = after.get(key);
            // Accounts of days long past are forgotten, and with them nothing that counts.
            if (!left) continue;
            for (const meter of meters) assert.ok(left[meter] >= spent[meter], `${key}: ${meter} was given back`);
          }
        }
        assertNothingOverspent(service);
        for (const [key, count] of calls)
          assert.ok(count <= 8 + (extra.get(key) ?? 0), `${key}: ${count} calls were let through`);
      }
      service[Symbol.dispose]();
    }),
    { numRuns },
  );
});
