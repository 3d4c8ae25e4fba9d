// What each agent may do without asking, by tier: a small file, replaced whole.
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { tiers, type Tier } from '@car-runtime/engine';
import { fail, type AgentPermissionMode, type AgentPermissionPolicy } from '@car-runtime/protocol';
import { writePrivateFile } from '../../infra/private-file.ts';

type Posture = AgentPermissionPolicy['default'];

const maxAgents = 10_000;

export const presets: Readonly<Record<'cautious' | 'balanced' | 'trusting', Posture>> = {
  cautious: { read_only: 'require_approval', sandbox_edit: 'require_approval', full_access: 'require_approval' },
  balanced: { read_only: 'always_allow', sandbox_edit: 'require_approval', full_access: 'require_approval' },
  trusting: { read_only: 'always_allow', sandbox_edit: 'always_allow', full_access: 'require_approval' },
};

const modes: readonly AgentPermissionMode[] = ['always_allow', 'require_approval', 'deny'];

export class Postures {
  readonly #path: string;
  #default: Posture = presets.balanced;
  readonly #agents = new Map<string, Posture>();
  #isSet = false;

  /** Throws when there is a file that cannot be used: a broken rule is never a missing one. */
  constructor(path: string) {
    this.#path = path;
    this.#load();
  }

  /** Whether anybody ever said anything; until then agents are like everybody else. */
  get isSet(): boolean {
    return this.#isSet;
  }

  get policy(): AgentPermissionPolicy {
    return { default: this.#default, agents: Object.fromEntries(this.#agents) };
  }

  modeOf(agentId: string, tier: Tier): AgentPermissionMode {
    return this.#agents.get(agentId)?.[tier] ?? this.#default[tier] ?? 'require_approval';
  }

  hasOverride(agentId: string, tier: Tier): boolean {
    return this.#agents.get(agentId)?.[tier] !== undefined;
  }

  set(agentId: string, mode: AgentPermissionMode, tier: Tier | undefined): void {
    if (!this.#agents.has(agentId) && this.#agents.size >= maxAgents) {
      throw fail(
        'overloaded',
        `Cannot set the permissions of ${JSON.stringify(agentId)}: ${maxAgents} agents have some, the limit`,
        {
          data: { reason: 'too_many_agents' },
        },
      );
    }
    const posture: Posture = { ...this.#agents.get(agentId) };
    for (const each of tier === undefined ? tiers : [tier]) posture[each] = mode;
    this.#store(this.#default, new Map([...this.#agents, [agentId, posture]]));
  }

  setDefault(posture: Posture): void {
    this.#store({ ...this.#default, ...posture }, this.#agents);
  }

  reset(agentId: string): void {
    const agents = new Map(this.#agents);
    agents.delete(agentId);
    this.#store(this.#default, agents);
  }

  /** The file first: what is not stored does not count. */
  #store(byDefault: Posture, agents: ReadonlyMap<string, Posture>): void {
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      writePrivateFile(
        this.#path,
        `${JSON.stringify({ default: byDefault, agents: Object.fromEntries(agents) }, undefined, 2)}\n`,
      );
    } catch (error) {
      throw fail('failed', `Cannot store agent permissions: ${(error as Error).message}`, {
        data: { reason: 'not_stored' },
        cause: error,
      });
    }
    this.#take(byDefault, [...agents]);
  }

  #take(byDefault: Posture, agents: readonly (readonly [string, Posture])[]): void {
    this.#isSet = true;
    this.#default = byDefault;
    this.#agents.clear();
    for (const [agentId, posture] of agents) this.#agents.set(agentId, posture);
  }

  #load(): void {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    try {
      const { default: byDefault, agents } = JSON.parse(text) as AgentPermissionPolicy;
      this.#take(
        checked(byDefault),
        Object.entries(agents).map(([id, posture]) => [id, checked(posture)] as const),
      );
    } catch (error) {
      throw new Error(`Cannot use ${this.#path}: ${(error as Error).message}`, { cause: error });
    }
  }
}

function checked(posture: Posture): Posture {
  if (typeof posture !== 'object' || posture === null) throw new Error('a posture is an object');
  for (const [tier, mode] of Object.entries(posture)) {
    if (!tiers.some((each) => each === tier)) throw new Error(`no such tier: ${JSON.stringify(tier)}`);
    if (!modes.some((each) => each === mode)) throw new Error(`no such mode: ${JSON.stringify(mode)}`);
  }
  return posture;
}
