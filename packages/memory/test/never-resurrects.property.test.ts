// Whatever happens to a memory: what was superseded is never presented as current, constraints are always there, and no
// tenant sees another's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compactRecords,
  consolidate,
  createClassicRanker,
  MemoryEngine,
  renderContext,
  runRankJob,
  type MemoryRecord,
} from '@car-runtime/memory';
import * as fc from 'fast-check';

const tenants = ['', 'a', 'b'] as const;
const keys = ['deploy day', 'budget', 'owner'] as const;

/** A value that names its fact and nothing else, so that seeing it anywhere tells which fact was shown. */
const valueOf = (nth: number): string => `value${nth}x`;

type Step =
  | { do: 'ingest'; key: number; tenant: number; isConstraint: boolean; dependsOn: number[]; isConclusion: boolean }
  | { do: 'supersede'; target: number; byKey: boolean; isConstraint: boolean }
  | { do: 'invalidate'; target: number }
  | { do: 'turn'; tenant: number }
  | { do: 'reload' | 'compact' | 'consolidate' };

const index = fc.nat(30);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('ingest' as const),
      key: fc.nat(2),
      tenant: fc.nat(2),
      isConstraint: fc.boolean(),
      dependsOn: fc.array(index, { maxLength: 3 }),
      isConclusion: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('supersede' as const),
      target: index,
      byKey: fc.boolean(),
      isConstraint: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('invalidate' as const), target: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('turn' as const), tenant: fc.nat(2) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('reload' as const, 'compact' as const, 'consolidate' as const) }),
  },
);

interface Known {
  id: string;
  key: string;
  tenant: string;
  value: string;
  isConstraint: boolean;
}

class Run {
  readonly known: Known[] = [];
  engine!: MemoryEngine;
  #records: MemoryRecord[] = [];

  constructor() {
    this.#start([]);
  }

  take(each: Step): void {
    switch (each.do) {
      case 'ingest': {
        const { key, tenant, isConstraint, isConclusion, dependsOn } = each;
        const ids = dependsOn.map((nth) => this.known[nth]?.id ?? 'nothing');
        this.#add(
          { key: keys[key] as string, tenant: tenants[tenant] as string, isConstraint: isConstraint && !isConclusion },
          (fact) =>
            this.engine.ingest({
              ...fact,
              kind: isConclusion ? 'conclusion' : 'fact',
              ...(isConclusion ? { premises: ids } : { dependsOn: ids }),
            }),
        );
        return;
      }
      case 'supersede': {
        const old = this.known[each.target];
        if (!old) return;
        const target = each.byKey ? old.key : old.id;
        if (!this.engine.findTarget(target, { tenant: old.tenant })) return;
        const { key, tenant } = old;
        this.#add({ key, tenant, isConstraint: each.isConstraint }, (fact) => this.engine.supersede(target, fact));
        return;
      }
      case 'invalidate':
        this.engine.invalidate(this.known[each.target]?.id ?? 'nothing', this.known[each.target]?.tenant);
        return;
      case 'turn':
        this.engine.addTurn({ speaker: 'ann', text: 'nothing of note', tenant: tenants[each.tenant] as string });
        return;
      case 'reload':
        this.#start(this.#records);
        return;
      case 'compact':
        this.#start([...compactRecords(this.engine)]);
        return;
      case 'consolidate':
        consolidate(this.engine);
    }
  }

  #add(fact: Omit<Known, 'id' | 'value'>, ingest: (fact: Omit<Known, 'id'>) => { id: string }): void {
    const value = valueOf(this.known.length);
    const { id } = ingest({ ...fact, value });
    this.known.push({ ...fact, id, value });
  }

  /** A memory that is what these records say, as a daemon finds it after a restart. */
  #start(records: readonly MemoryRecord[]): void {
    this.#records = JSON.parse(JSON.stringify(records)) as MemoryRecord[];
    this.engine = new MemoryEngine({ now: () => 1_000 });
    for (const record of this.#records) this.engine.replay(record);
    this.engine.keepIn((record) => void this.#records.push(JSON.parse(JSON.stringify(record)) as MemoryRecord));
  }

  check(): void {
    const { graph, reader } = this.engine;
    for (const tenant of tenants) {
      const shown = [
        ...reader.context('deploy day budget owner', { tenant }),
        ...reader.context('deploy', { tenant, ranking: 'classic' }),
        ...reader.context('budget', { tenant, isFast: true }),
      ];
      const current = shown.filter(({ isCurrent }) => isCurrent).map(({ text }) => text);
      const found = (['hybrid', 'classic'] as const).flatMap((ranking) =>
        reader.query('deploy day budget owner', { tenant, ranking, limit: 50 }).map(({ node }) => node.value),
      );
      for (const { id, tenant: owner, value } of this.known) {
        const isSeen = (texts: string[]): boolean => texts.some((text) => text.includes(value));
        if (owner !== tenant) {
          assert.ok(
            !isSeen([...found, ...shown.map(({ text }) => text)]),
            `${value} of "${owner}" is seen by "${tenant}"`,
          );
        } else if (graph.byId(id, owner)?.endedAtMs !== Infinity) {
          assert.ok(!isSeen([...found, ...current]), `${value} holds no longer and is shown`);
        }
      }
      const constraints = [...graph.constraints()].filter((node) => node.tenant === tenant);
      for (const isFast of [false, true]) {
        const text = renderContext(reader.context('anything', { tenant, isFast }));
        for (const { value } of constraints) assert.ok(text.includes(value), `constraint ${value} is missing`);
      }
    }
  }
}

// req: memory.never-resurrects
test('after any changes, reloads and compactions nothing superseded is current, constraints are there, tenants are apart', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) => {
      const run = new Run();
      for (const [nth, each] of steps.entries()) {
        run.take(each);
        if (nth % 6 === 5) run.check();
      }
      run.check();
    }),
    { numRuns: process.env['CAR_TEST_LONG'] ? 2_000 : 60 },
  );
});

// req: memory.rank.off-loop
test('a snapshot ranks as the memory was when it was taken, whatever happens afterwards', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 20 }), fc.array(step, { maxLength: 20 }), (before, after) => {
      const run = new Run();
      for (const each of before) run.take(each);
      using ranker = createClassicRanker(run.engine.graph);
      const request = { text: 'deploy day value', limit: 20, view: {}, nowMs: 0 };
      const plan = ranker.plan(request);
      const expected = plan.run();
      const job = structuredClone(plan.job?.());
      const { engine } = run;
      for (const each of after) if (each.do !== 'reload' && each.do !== 'compact') run.take(each);
      assert.equal(run.engine, engine);
      assert.deepEqual(job && runRankJob(job), expected);
    }),
    { numRuns: 60 },
  );
});
