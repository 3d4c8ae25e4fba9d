// Supervised agents: processes that the daemon keeps running. Their specs, their state, and what can be done with them.
import { z } from 'zod';
import { event, method } from './declare.ts';
import { feedCursor } from './host.ts';
import { once } from './once.ts';

const section = 'Agents, Lifecycle methods';
const shapes = 'Agents, Shapes';

const maxArgs = 512;
const maxTextLength = 32_768;
const maxEnvEntries = 512;
const maxWaitSecs = 86_400;
const defaultFirstLines = 200;
const maxFirstLines = 2_000;

/** Text that can be handed to a new process: the operating system ends every argument at its first NUL. */
const processText = once(() =>
  z
    .string()
    .max(maxTextLength)
    .regex(/^[^\0]*$/, 'must not contain NUL'),
);
const envName = once(() =>
  z
    .string()
    .min(1)
    .max(256)
    .regex(/^[^=\0]+$/, 'must not contain = or NUL'),
);

export const agentId = once(() =>
  z
    .string()
    .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/, 'must be 1 to 128 of A-Z a-z 0-9 . _ -, and not "." or ".."')
    // run/<id>.pid is the agent's own, run/<id>.supervisor.pid ours.
    .refine((id) => !id.toLowerCase().endsWith('.supervisor'), 'must not end in ".supervisor"'),
);

const restartPolicy = once(() => z.enum(['never', 'on_failure', 'always']));
const maxRestarts = once(() => z.int().min(0).max(1_000_000));
const backoffSecs = once(() => z.number().min(0).max(86_400));
const digest = once(() => z.string().regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits'));

/** Ours: what an agent may use. One that uses more is ended, which counts as a failure. */
export const agentLimits = once(() =>
  z
    .object({
      /** Resident memory of all its processes together. */
      memory_bytes: z.int().min(1_048_576).nullish(),
      /** Of one core, by all its processes, over `cpu_secs`. */
      cpu_percent: z.number().positive().max(100_000).nullish(),
      cpu_secs: z.number().min(5).max(86_400).nullish(),
      /** Processes of its session. */
      processes: z.int().min(1).nullish(),
    })
    .meta({ id: 'AgentLimits' }),
);

/** How an agent is run, as far as clients may say. */
const specFields = () => ({
  args: z.array(processText()).max(maxArgs).nullish(),
  cwd: processText().nullish(),
  env: z
    .record(envName(), processText())
    .refine((env) => Object.keys(env).length <= maxEnvEntries, `must have at most ${maxEnvEntries} entries`)
    .nullish(),
  restart: restartPolicy().nullish(),
  max_restarts: maxRestarts().nullish(),
  backoff_secs: backoffSecs().nullish(),
  auto_start: z.boolean().nullish(),
  token: z.string().max(1_024).nullish(),
  /** Ours: SHA-256 of the command; when the file differs at a start, it is not started. */
  sha256: digest().nullish(),
  /** Whether the child gets the daemon token as `CAR_AUTH_TOKEN`. */
  pass_daemon_token: z.boolean().nullish(),
  capabilities: z.array(z.string().min(1).max(128)).max(64).nullish(),
  /** Ours: names of variables of the daemon that the child gets too. */
  inherit_env: z.array(envName()).max(maxEnvEntries).nullish(),
  limits: agentLimits().nullish(),
});

const agentName = once(() => z.string().min(1).max(256));

const agentStatus = once(() => z.enum(['stopped', 'starting', 'running', 'backoff', 'errored']));

/** Ours: what the processes of a running agent use. */
const agentResources = once(() =>
  z
    .object({
      /** Of one core, since the sample before. */
      cpu_percent: z.number(),
      cpu_secs: z.number(),
      rss_bytes: z.number(),
      processes: z.number(),
      sampled_at: z.number(),
    })
    .meta({ id: 'AgentResources' }),
);

const managedAgent = once(() =>
  z
    .object({
      id: z.string(),
      name: z.string(),
      command: z.string(),
      args: z.array(z.string()),
      cwd: z.string().optional(),
      env: z.record(z.string(), z.string()),
      restart: restartPolicy(),
      max_restarts: z.number(),
      backoff_secs: z.number(),
      auto_start: z.boolean(),
      pass_daemon_token: z.boolean().optional(),
      capabilities: z.array(z.string()).optional(),
      sha256: z.string().optional(),
      inherit_env: z.array(z.string()).optional(),
      limits: agentLimits().optional(),
      status: agentStatus(),
      pid: z.number().nullish(),
      last_exit_code: z.number().nullish(),
      restart_count: z.number(),
      /** Unix seconds. */
      started_at: z.number().nullish(),
      /** Only in a backoff because somebody else runs this agent. */
      blocked_by_pid: z.number().optional(),
      /** Whether a connection is bound to this id. */
      attached: z.boolean(),
      session_id: z.string().optional(),
      /** Ours: the signal that ended the last process. */
      last_signal: z.string().optional(),
      /** Ours: why the last start or run failed. */
      last_error: z.string().optional(),
      /** Ours, in a backoff: when the next start is tried, in unix seconds. */
      retry_at: z.number().optional(),
      resources: agentResources().optional(),
    })
    .meta({ id: 'ManagedAgent' }),
);
export type ManagedAgent = z.infer<ReturnType<typeof managedAgent>>;

/** An agent that runs inside the daemon, without a process. */
const declarativeListEntry = once(() =>
  z
    .object({
      id: z.string(),
      name: z.string(),
      kind: z.literal('declarative'),
      enabled: z.boolean(),
      capabilities: z.array(z.string()),
    })
    .meta({ id: 'DeclarativeListEntry' }),
);
export type DeclarativeListEntry = z.infer<ReturnType<typeof declarativeListEntry>>;

const agentHealth = once(() =>
  z
    .object({ id: z.string(), command: z.string(), ok: z.boolean(), reason: z.string().optional() })
    .meta({ id: 'AgentHealth' }),
);

const byId = () => z.object({ id: z.string() });

export const agentManifest = once(() => {
  const features = z.record(z.string(), z.array(z.string()));
  return z
    .looseObject({
      agent: z.looseObject({
        id: agentId(),
        name: agentName(),
        namespace: z.string().nullish(),
        version: z.string().nullish(),
        description: z.string().nullish(),
        license: z.string().nullish(),
        homepage: z.string().nullish(),
      }),
      publisher: z.looseObject({ key_id: z.string().min(1).max(256), signature: z.string().max(1_024) }).nullish(),
      runtime: z
        .looseObject({ car_min_version: z.string().nullish(), bundle_format_version: z.number().nullish() })
        .nullish(),
      lifecycle: z
        .looseObject({
          stateful: z.boolean().nullish(),
          persistence: z.enum(['session', 'host', 'synced']).nullish(),
          default_inference_complexity: z.string().nullish(),
        })
        .nullish(),
      transport: z.looseObject({
        kind: z.enum(['pure_data', 'external_process']),
        command: processText().nullish(),
        interpreter: processText().nullish(),
        binary_url: z.string().nullish(),
        health_url: z.string().nullish(),
        ...specFields(),
      }),
      capabilities: z
        .looseObject({ required: features.nullish(), optional: features.nullish(), denied: features.nullish() })
        .nullish(),
    })
    .meta({ id: 'AgentManifest' });
});
export type AgentManifest = z.infer<ReturnType<typeof agentManifest>>;

const stream = once(() => z.enum(['combined', 'stdout', 'stderr']));

const agentChange = once(() =>
  z
    .object({
      cursor: feedCursor(),
      kind: z.enum(['upserted', 'removed', 'status', 'attached', 'detached', 'gap']),
      agent_id: z.string().optional(),
      /** Absent once it is removed. */
      agent: managedAgent().optional(),
      /** Of a gap: how many changes this subscriber did not get. */
      missed: z.number().optional(),
    })
    .meta({ id: 'AgentChange' }),
);
export type AgentChange = z.infer<ReturnType<typeof agentChange>>;

const logEntryFields = () => ({
  stream: stream().exclude(['combined']).optional(),
  /** When the daemon read it; absent for what was there before somebody followed. */
  at: z.string().optional(),
  /** In order. One longer than 16 KiB comes in pieces. */
  lines: z.array(z.string()),
  /** Lines of this stream that were left out before or among these, since the agent writes too fast. */
  skipped: z.number().optional(),
});

const agentLogEntry = once(() =>
  z
    .object({
      agent_id: z.string(),
      cursor: feedCursor(),
      kind: z.literal('gap').optional(),
      ...logEntryFields(),
      /** Of a gap: how many entries this subscriber did not get. */
      missed: z.number().optional(),
    })
    .meta({ id: 'AgentLogEntry' }),
);
export type AgentLogEntry = z.infer<ReturnType<typeof agentLogEntry>>;

export const agents = {
  'agents.list': method({
    summary: 'Supervised agents with their state, and declarative ones. An agent sees the environment of itself alone',
    params: () => z.object({}),
    result: () => z.array(z.union([managedAgent(), declarativeListEntry()])),
    access: 'session',
    effect: 'read',
    errors: ['failed'],
    section,
  }),
  'agents.upsert': method({
    summary: 'Store how an agent is run, and keep, mint or change its token. Starts nothing',
    params: () =>
      z.object({
        id: agentId(),
        name: agentName(),
        command: processText().nullish(),
        /** A program looked up in `PATH` once, in place of a command. */
        interpreter: processText().nullish(),
        ...specFields(),
      }),
    result: () => managedAgent(),
    access: 'client',
    effect: 'write',
    errors: ['failed', 'forbidden', 'overloaded'],
    section,
  }),
  'agents.install': method({
    summary: 'Check a manifest against this daemon, store it, and take over the process it describes',
    params: () => agentManifest(),
    result: () =>
      z.object({
        report: z.object({ missingOptional: z.array(z.object({ namespace: z.string(), feature: z.string() })) }),
        agent: managedAgent().nullable(),
        /** Ours: what the publisher's signature proved. */
        signature: z.enum(['valid', 'invalid', 'unknown_key', 'unsigned']),
      }),
    access: 'client',
    effect: 'write',
    errors: ['failed', 'forbidden', 'overloaded'],
    section,
  }),
  'agents.health': method({
    summary: 'Whether the command of each supervised agent could still be run',
    params: () => z.object({}),
    result: () => z.array(agentHealth()),
    access: 'session',
    effect: 'read',
    errors: ['failed'],
    section,
  }),
  'agents.remove': method({
    summary: 'Stop an agent and forget it',
    params: byId,
    result: () => z.object({ removed: z.boolean() }),
    access: 'client',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'agents.start': method({
    summary: 'Start an agent, unless it runs already, and count its restarts from zero',
    params: byId,
    result: () => managedAgent(),
    access: 'client',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'agents.stop': method({
    summary: 'Stop an agent with SIGTERM, and SIGKILL after a grace period or at once',
    params: () => z.object({ id: z.string(), signal: z.enum(['term', 'kill']).nullish() }),
    result: () => managedAgent(),
    access: 'client',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'agents.restart': method({
    summary: 'Stop an agent and start it again',
    params: byId,
    result: () => managedAgent(),
    access: 'client',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'agents.drain': method({
    summary:
      'Ask agents to finish and end, and stop those that have not after a while. An attached agent is asked with the notification agent.drain, another with SIGTERM',
    params: () =>
      z.object({
        /** Default: all that run. */
        ids: z.array(z.string()).max(1_000).nullish(),
        timeout_secs: z.number().min(0).max(maxWaitSecs).nullish(),
      }),
    result: () => z.object({ agents: z.array(managedAgent()), forced: z.array(z.string()) }),
    access: 'client',
    effect: 'write',
    errors: ['failed'],
    section,
    isExtension: true,
  }),
  'agents.wait': method({
    summary: 'The agent, once its status is one of those waited for',
    params: () =>
      z.object({
        id: z.string(),
        targets: z.array(agentStatus()).max(16).nullish(),
        timeout_secs: z.number().min(0).max(maxWaitSecs).nullish(),
        /** Changes are noticed at once; kept for clients that send it. */
        poll_ms: z.number().nullish(),
      }),
    result: () => managedAgent(),
    access: 'session',
    effect: 'read',
    errors: ['failed'],
    section,
  }),
  'agents.tail_log': method({
    summary: 'The last lines an agent wrote, across rotated files. An agent reads its own',
    params: () =>
      z.object({
        id: z.string(),
        /** Lines of each stream; 0 for all within reach. */
        n: z.int().min(0).nullish(),
        lines: z.int().min(0).nullish(),
        stream: stream().nullish(),
        /** Lines to skip from the end of each stream. */
        offset: z.int().min(0).nullish(),
      }),
    result: () =>
      z.object({
        lines: z.array(z.string()),
        stdout: z.array(z.string()),
        stderr: z.array(z.string()),
        stdout_total: z.number(),
        stderr_total: z.number(),
        stdout_path: z.string(),
        stderr_path: z.string(),
        more: z.boolean(),
      }),
    access: 'session',
    ownership: 'subject',
    effect: 'read',
    errors: ['failed', 'forbidden'],
    section,
  }),
  'agents.watch_log': method({
    summary:
      'Follow what an agent writes: the end of its log, or with `after` what came behind that cursor; then agents.log.event. An agent follows its own',
    params: () =>
      z.object({
        id: z.string(),
        /** Lines of each stream to begin with. */
        n: z.int().min(0).max(maxFirstLines).default(defaultFirstLines),
        after: feedCursor().nullish(),
      }),
    result: () =>
      z.object({
        cursor: feedCursor(),
        /** `reset`: the cursor is of another start of the daemon or is too old, and the end of the log begins anew. */
        delivery: z.enum(['snapshot', 'replayed', 'reset']),
        entries: z.array(z.object(logEntryFields())),
        /** Whether the log has older lines. */
        more: z.boolean(),
      }),
    access: 'session',
    ownership: 'subject',
    effect: 'read',
    errors: ['failed', 'forbidden', 'overloaded'],
    section,
    isExtension: true,
  }),
  'agents.unwatch_log': method({
    summary: 'Stop following what an agent writes',
    params: byId,
    result: () => z.object({ removed: z.boolean() }),
    access: 'session',
    effect: 'read',
    section,
    isExtension: true,
  }),
  'agents.watch': method({
    summary:
      'Follow what happens to supervised agents: all of them now, or with `after` the changes behind that cursor; then agents.watch.event',
    params: () => z.object({ after: feedCursor().nullish() }),
    result: () =>
      z.object({
        cursor: feedCursor(),
        /** `reset`: the cursor is of another start of the daemon, or too old; `agents` is what there is now. */
        delivery: z.enum(['snapshot', 'replayed', 'reset']),
        agents: z.array(managedAgent()).optional(),
        changes: z.array(agentChange()).optional(),
      }),
    access: 'session',
    effect: 'read',
    errors: ['failed'],
    section,
    isExtension: true,
  }),
  'agents.unwatch': method({
    summary: 'Stop following supervised agents',
    params: () => z.object({}),
    result: () => z.object({ removed: z.boolean() }),
    access: 'session',
    effect: 'read',
    section,
    isExtension: true,
  }),
};

export const agentEvents = {
  'agents.log.event': event({
    summary: 'Lines that an agent wrote',
    params: () => agentLogEntry(),
    precondition: 'agents.watch_log',
    section: shapes,
  }),
  'agents.watch.event': event({
    summary: 'A change of a supervised agent',
    params: () => agentChange(),
    precondition: 'agents.watch',
    section: shapes,
  }),
  'agent.drain': event({
    summary: 'This agent should finish what it does and end; it is stopped after so many seconds',
    params: () => z.object({ timeout_secs: z.number() }),
    precondition: 'being attached as an agent',
    section: shapes,
  }),
};
