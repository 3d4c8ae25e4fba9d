// Over the wire and across kill -9: what was superseded is never presented as current, and asking changes nothing but its counters.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonProcess, openDaemon, TempFolder, type Wire } from '@car-runtime/testkit';
import * as fc from 'fast-check';

const isLong = process.env['CAR_TEST_LONG'] !== undefined;
const keys = ['deploy day', 'budget'];

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), key: fc.nat(1), isRule: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('supersede' as const), at: fc.nat(20), byKey: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('invalidate' as const), at: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('kill' as const, 'reload' as const, 'consolidate' as const) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Fact {
  id: string;
  key: string;
  value: string;
  isRule: boolean;
  holds: boolean;
}

class Run {
  readonly facts: Fact[] = [];
  #daemon!: DaemonProcess;
  #wire!: Wire;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async start(): Promise<void> {
    this.#daemon = await DaemonProcess.start(this.#root);
    this.#wire = await this.#daemon.connect({ memory_namespace: 'property' });
  }

  async end(): Promise<void> {
    await this.#daemon[Symbol.asyncDispose]();
  }

  async take(each: Step): Promise<void> {
    if (each.do === 'kill') {
      await this.#daemon.kill();
      await this.start();
    } else if (each.do === 'reload') {
      await this.#wire.result('memory.persist', { path: 'all.json' });
      await this.#wire.result('memory.load', { path: 'all.json' });
    } else if (each.do === 'consolidate') await this.#wire.result('memory.consolidate');
    else if (each.do === 'add') await this.#add(keys[each.key] ?? '', each.isRule, {});
    else if (each.do === 'supersede' || each.do === 'invalidate') {
      const fact = this.facts.filter(({ holds }) => holds)[each.at];
      if (!fact) return;
      const named =
        each.do === 'supersede' && each.byKey ? this.facts.find(({ key, holds }) => holds && key === fact.key) : fact;
      if (!named) return;
      if (each.do === 'invalidate') await this.#wire.result('memory.invalidate', { fact_id: named.id });
      named.holds = false;
      if (each.do === 'supersede') await this.#add(named.key, false, { supersedes: each.byKey ? named.key : named.id });
    }
  }

  async #add(key: string, isRule: boolean, more: object): Promise<void> {
    const nth = this.facts.length;
    const fact = { id: `f${nth}`, key, value: `value${nth}x`, isRule, holds: true };
    const kind = isRule ? 'constraint' : 'pattern';
    await this.#wire.result('memory.add_fact', { subject: key, body: fact.value, fact_id: fact.id, kind, ...more });
    this.facts.push(fact);
  }

  async check(): Promise<void> {
    const query = keys.join(' ');
    const found = [
      await this.#wire.result('memory.query', { query, k: 100 }),
      await this.#wire.result('memory.query', { query, k: 100, ranking: 'classic' }),
    ];
    const contexts = [
      (await this.#wire.result('memory.build_context', { query, model_context_window: 64_000 })) as string,
      (await this.#wire.result('memory.build_context_fast', { query, model_context_window: 64_000 })) as string,
    ];
    const current = [
      ...found.map((rows) => JSON.stringify(rows)),
      ...contexts.map((text) => text.replaceAll(/\(changed from: [^)]*\)/g, '')),
    ];
    for (const { value, holds, isRule } of this.facts) {
      if (!holds) assert.ok(!current.some((text) => text.includes(value)), `${value} holds no longer and is shown`);
      else if (isRule)
        assert.ok(
          contexts.every((text) => text.includes(value)),
          `rule ${value} is missing`,
        );
    }
    const count = await this.#wire.result('memory.fact_count');
    assert.equal(count, this.facts.filter(({ holds }) => holds).length);
  }
}

// req: memory.never-resurrects, memory.store.acknowledged
test('after any changes, reloads, consolidations and kill -9, nothing superseded is presented as current over the wire', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 18 }), async (steps) => {
      using folder = new TempFolder();
      const run = new Run(folder.join('root'));
      await run.start();
      try {
        for (const each of steps) await run.take(each);
        await run.check();
        await run.take({ do: 'kill' });
        await run.check();
      } finally {
        await run.end();
      }
    }),
    { numRuns: isLong ? 60 : 2, endOnFailure: true },
  );
});

const words = fc.constantFrom('release branch', 'signed tag', 'lunch soup', 'push rebase');
const request = fc.record({
  query: words,
  recent: fc.array(words, { maxLength: 2 }),
  trigger: fc.record({ tool_error: fc.boolean(), high_risk_action: fc.boolean(), repeated_failures: fc.nat(2) }),
  force: fc.boolean(),
});

// req: memory.evaluate, memory.intervene
test('whatever is asked, an evaluation changes nothing and a reminder only the counter of the fact it is made of', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(words, words, fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 5 }),
      fc.array(request, { minLength: 1, maxLength: 6 }),
      async (entries, requests) => {
        await using daemon = await openDaemon('tcp');
        const client = await daemon.connect();
        const [session] = daemon.state.sessions.values();
        assert.ok(session);
        const memory = await daemon.state.memoryOf(session);
        for (const [subject, body, is_constraint, isKnowledge] of entries) {
          const save = isKnowledge ? client.memory.save_knowledge : client.memory.save_procedural;
          await save({ subject, body, is_constraint });
        }
        const state = () => [...memory.graph.nodes()].map((node) => structuredClone(node));
        const events = async (): Promise<number> => await client.events.count();
        const cases = requests.map((each, nth) => ({ id: `c${nth}`, request: each, relevant_fact_ids: ['x'] }));
        const before = { nodes: state(), events: await events() };
        await client.memory.evaluate({ cases });
        assert.deepEqual({ nodes: state(), events: await events() }, before);
        for (const each of requests) {
          const expected = state();
          const eventsBefore = await events();
          const answer = await client.memory.intervene(each);
          if (answer.decision === 'inject') {
            const selected = expected.find(({ id }) => id === answer.selected.id);
            assert.ok(selected);
            Object.assign(selected, {
              counters: { ...selected.counters, injections: (selected.counters.injections ?? 0) + 1 },
            });
          }
          assert.deepEqual(state(), expected);
          assert.equal(await events(), eventsBefore + 1);
        }
      },
    ),
    { numRuns: isLong ? 100 : 8, endOnFailure: true },
  );
});
