// Chat routing under random hosts, agents, cancels, disconnects and respawns.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Client } from '@car-runtime/client';
import { serve, type TestDaemon } from '@car-runtime/testkit';

const isLong = process.env['CAR_TEST_LONG'] !== undefined;
const names = 3;

type Step =
  | { do: 'chat'; host: number; agent: number; session: number; resumable: boolean }
  | { do: 'say'; agent: number; session: number; kind: 'token' | 'done' | 'error' }
  | { do: 'cancel'; host: number; session: number }
  | { do: 'drop-host'; host: number }
  | { do: 'drop-agent'; agent: number };

const index = fc.nat(names - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('chat' as const),
      host: index,
      agent: index,
      session: index,
      resumable: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('say' as const),
      agent: index,
      session: index,
      kind: fc.constantFrom('token', 'token', 'done', 'error'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), host: index, session: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop-host' as const), host: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop-agent' as const), agent: index }) },
);

/** What a host must be told, and what it was. */
class World {
  readonly #daemon: TestDaemon;
  readonly #hosts: Client[] = [];
  readonly #agents: Client[] = [];
  /** By session: who asked and who answers, by identity of the connection. */
  readonly #live = new Map<string, { host: Client; agent: Client; isResumable: boolean }>();
  readonly #expected = new Map<Client, string[]>();
  readonly #told = new Map<Client, string[]>();
  #said = 0;

  constructor(daemon: TestDaemon) {
    this.#daemon = daemon;
  }

  async open(): Promise<void> {
    for (let each = 0; each < names; each++) {
      await this.#openHost(each);
      await this.#openAgent(each);
    }
  }

  async #openHost(at: number): Promise<void> {
    const client = await this.#daemon.connect();
    const told: string[] = [];
    this.#told.set(client, told);
    this.#expected.set(client, []);
    void (async () => {
      for await (const event of client.events('agents.chat.event'))
        told.push(`${event.session_id} ${event.kind} ${event.delta ?? event.error}`);
    })().catch(() => undefined);
    this.#hosts[at] = client;
  }

  async #openAgent(at: number): Promise<void> {
    const client = await this.#daemon.connect({ as: { agent: `agent-${at}` } });
    client.onCallback('agent.chat', () => ({ accepted: true }));
    this.#agents[at] = client;
  }

  async run(action: Step): Promise<void> {
    switch (action.do) {
      case 'chat': {
        const [host, agent] = [this.#hosts[action.host] as Client, this.#agents[action.agent] as Client];
        const session = `s${action.session}`;
        const live = this.#live.get(session);
        const mayStart = !live || (live.host === host && live.agent === agent);
        const started = host.agents.chat({
          agent_id: `agent-${action.agent}`,
          prompt: '',
          session_id: session,
          resumable: action.resumable,
        });
        if (!mayStart) {
          await assert.rejects(started, { message: /is in use/ });
          break;
        }
        await started;
        if (!live) this.#live.set(session, { host, agent, isResumable: action.resumable });
        break;
      }
      case 'say': {
        const agent = this.#agents[action.agent] as Client;
        const session = `s${action.session}`;
        const text = String(++this.#said);
        agent.notify('agent.chat.event', { session_id: session, kind: action.kind, delta: text });
        await agent.server.status();
        const live = this.#live.get(session);
        if (live?.agent !== agent) break;
        this.#expected.get(live.host)?.push(`${session} ${action.kind} ${text}`);
        if (action.kind !== 'token') this.#live.delete(session);
        break;
      }
      case 'cancel': {
        const session = `s${action.session}`;
        const { cancelled } = await (this.#hosts[action.host] as Client).agents.chat.cancel({ session_id: session });
        assert.equal(cancelled, this.#live.delete(session));
        break;
      }
      case 'drop-host': {
        const host = this.#hosts[action.host] as Client;
        await host.close();
        await this.#openHost(action.host);
        for (const [session, live] of this.#live) {
          if (live.host !== host) continue;
          // A resumable one lives on, in use by nobody: this model cancels it.
          if (live.isResumable) await (this.#hosts[action.host] as Client).agents.chat.cancel({ session_id: session });
          this.#live.delete(session);
        }
        break;
      }
      case 'drop-agent': {
        const agent = this.#agents[action.agent] as Client;
        await agent.close();
        await this.#openAgent(action.agent);
        for (const [session, live] of this.#live) {
          if (live.agent !== agent) continue;
          if (live.isResumable)
            this.#expected.get(live.host)?.push(`${session} error agent 'agent-${action.agent}' disconnected`);
          this.#live.delete(session);
        }
        break;
      }
    }
  }

  async check(): Promise<void> {
    for (const host of this.#hosts) {
      await host.server.status();
      assert.deepEqual(this.#told.get(host), this.#expected.get(host));
    }
    // No session leaks: every name can be used by anybody once what is live is cancelled.
    for (const [session] of this.#live) await (this.#hosts[0] as Client).agents.chat.cancel({ session_id: session });
    for (let session = 0; session < names; session++) {
      await (this.#hosts[1] as Client).agents.chat({ agent_id: 'agent-0', prompt: '', session_id: `s${session}` });
    }
  }
}

// req: chat.routing
test('no frame reaches a host that did not ask for it, none is lost, and no session leaks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      await using daemon = serve();
      const world = new World(daemon);
      await world.open();
      for (const each of steps) await world.run(each);
      await world.check();
    }),
    { numRuns: isLong ? 1_000 : 60, seed: 20261120 },
  );
});
