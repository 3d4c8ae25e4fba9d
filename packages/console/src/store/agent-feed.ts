// Supervised agents as they are now, and what happened to them since the page was opened. Goes on from its cursor after a lost
// connection. What agents use has no feed, so it is asked for every few seconds while a view shows it.
import type { ReactiveControllerHost } from 'lit';
import type { Client } from '@car-runtime/client';
import type { AgentChange, DeclarativeListEntry, FeedCursor, ManagedAgent } from '@car-runtime/protocol';
import { client, connection } from '../connection.ts';
import { Store } from './store.ts';

/** Of all agents together. */
const maxChanges = 1_000;
/** Of each agent: an hour, as often as the daemon takes them. */
const maxSamples = 720;
const sampleEveryMs = 5_000;

export interface Change {
  number: number;
  at: number;
  kind: AgentChange['kind'];
  agentId: string;
  agent: ManagedAgent | undefined;
}

export interface Sample {
  /** Unix seconds. */
  at: number;
  cpuPercent: number;
  rssBytes: number;
  processes: number;
}

export interface AgentView {
  isReady: boolean;
  error?: unknown;
  /** By id. */
  agents: ReadonlyMap<string, ManagedAgent>;
  declarative: readonly DeclarativeListEntry[];
  /** Oldest first. */
  changes: readonly Change[];
}

export const agentView = new Store<AgentView>({ isReady: false, agents: new Map(), declarative: [], changes: [] });

const samples = new Map<string, Sample[]>();
let cursor: FeedCursor | undefined;
let subscribed = 0;
let isFollowing = false;
let followed: Client | undefined;
let lastNumber = 0;

/** What an agent used, oldest first. */
export function samplesOf(id: string): readonly Sample[] {
  return samples.get(id) ?? [];
}

/** Follows for as long as the page is open; once is enough. */
export function followAgents(): void {
  if (isFollowing) return;
  isFollowing = true;
  connection.listen(onConnection);
  onConnection();
}

/** What agents use is asked for as long as `host` is on the page. */
export function sampleAgents(host: ReactiveControllerHost): void {
  let timer: ReturnType<typeof setInterval> | undefined;
  host.addController({
    hostConnected: () => {
      void sample();
      timer = setInterval(() => void sample(), sampleEveryMs);
    },
    hostDisconnected: () => clearInterval(timer),
  });
}

function onConnection(): void {
  const { state, connections } = connection.value;
  if (state !== 'connected' || connections === subscribed) return;
  subscribed = connections;
  const current = client();
  if (followed !== current) {
    followed = current;
    void readChanges(current);
  }
  void subscribe();
}

async function subscribe(): Promise<void> {
  try {
    // The daemon tells of gaps whoever says where it stands.
    const answer = await client().agents.watch({ after: cursor ?? { epoch: '', seq: 0 } });
    if (answer.delivery === 'replayed') for (const change of answer.changes ?? []) apply(change);
    cursor = answer.cursor;
    if (answer.agents) {
      const agents = new Map(answer.agents.map((agent) => [agent.id, agent]));
      // To an observer the feed says nothing; the list does.
      const isReady = agents.size > 0 || agentView.value.isReady;
      agentView.update((view) => ({ ...view, isReady, error: undefined, agents }));
    }
    await sample();
  } catch (error) {
    agentView.update((view) => ({ ...view, error }));
  }
}

async function readChanges(from: Client): Promise<void> {
  try {
    for await (const change of from.events('agents.watch.event', { bufferSize: 4_096 })) apply(change);
  } catch (error) {
    agentView.update((view) => ({ ...view, error }));
  }
}

function apply(change: AgentChange): void {
  if (change.kind === 'gap') {
    cursor = undefined;
    void subscribe();
    return;
  }
  if (cursor?.epoch === change.cursor.epoch && change.cursor.seq <= cursor.seq) return;
  cursor = change.cursor;
  const { kind, agent_id: agentId = '', agent } = change;
  const entry: Change = { number: ++lastNumber, at: Date.now(), kind, agentId, agent };
  agentView.update((view) => {
    const agents = new Map(view.agents);
    // What it uses is not part of every change.
    if (agent) agents.set(agentId, { ...agent, ...withResources(agent, agents.get(agentId)) });
    else agents.delete(agentId);
    return { ...view, agents, changes: [...view.changes.slice(1 - maxChanges), entry] };
  });
}

function withResources(agent: ManagedAgent, before: ManagedAgent | undefined): Partial<ManagedAgent> {
  if (agent.resources || agent.pid == null || agent.pid !== before?.pid || !before.resources) return {};
  return { resources: before.resources };
}

/** The list knows of agents without a process too. An observer has no feed, so for it this is all there is. */
async function sample(): Promise<void> {
  if (document.visibilityState !== 'visible' || connection.value.state !== 'connected') return;
  try {
    const list = await client().agents.list();
    const declarative = list.filter((agent): agent is DeclarativeListEntry => 'kind' in agent);
    const managed = list.filter((agent): agent is ManagedAgent => !('kind' in agent));
    agentView.update((view) => ({
      ...view,
      isReady: true,
      error: undefined,
      declarative,
      agents: new Map(managed.map((agent) => [agent.id, agent])),
    }));
    for (const agent of managed) keep(agent);
    for (const id of samples.keys()) if (!managed.some((agent) => agent.id === id)) samples.delete(id);
  } catch (error) {
    agentView.update((view) => (view.isReady ? view : { ...view, error }));
  }
}

function keep({ id, resources }: ManagedAgent): void {
  if (!resources) return;
  const kept = samples.get(id) ?? [];
  if (kept.at(-1)?.at === resources.sampled_at) return;
  const { cpu_percent: cpuPercent, rss_bytes: rssBytes, processes, sampled_at: at } = resources;
  samples.set(id, [...kept.slice(1 - maxSamples), { at, cpuPercent, rssBytes, processes }]);
}
