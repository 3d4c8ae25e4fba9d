// What an external agent is to the daemon, whatever it speaks: found, asked how it is, and given tasks.
import type { ExternalAgent, ExternalHealth, ExternalResult } from '@car-runtime/protocol';
import type { ChildRecords } from '../../infra/child-records.ts';
import type { Attachment } from './attachments.ts';

export interface Task {
  readonly task: string;
  readonly cwd: string;
  /** Absent: what the tool allows by itself. Empty: none. */
  readonly allowedTools: readonly string[] | undefined;
  readonly maxTurns: number | undefined;
  readonly timeoutMs: number;
  readonly mcpUrl: string | undefined;
  readonly attachments: readonly Attachment[];
}

export interface RunContext {
  readonly signal: AbortSignal;
  /** What the agent says while it works. */
  say(saying: Saying): void;
}

export type Saying =
  | { kind: 'token'; delta: string }
  | { kind: 'tool_call'; tool: string; params: unknown; detail: string }
  | { kind: 'approval_pending'; approval_id: string; action: string; tool: string; details: unknown };

/** How a task ended, before the daemon says how long it took. */
export type Outcome = Omit<ExternalResult, 'duration_ms' | 'dropped_attachments'>;

export interface Found {
  readonly path: string;
  readonly version?: string | undefined;
  /** Why it cannot be run. */
  readonly problem?: string;
}

export type HealthFinding = Pick<ExternalHealth, 'status' | 'details' | 'reason'>;

export interface ExternalTool {
  readonly id: string;
  readonly displayName: string;
  readonly capabilities: ExternalAgent['capabilities'];
  /** Whether files that are no image it knows can be attached. */
  readonly takesAnyFile: boolean;
  /** Where it is; nothing when it is not on this machine. */
  detect(): Promise<Found | undefined>;
  authKind(): ExternalAgent['auth_kind'];
  health(found: Found): Promise<HealthFinding>;
  /** Why it cannot take this task at all. */
  refusal(task: Task): string | undefined;
  run(found: Found, task: Task, context: RunContext): Promise<Outcome>;
}

/** What the agents of this machine are run with. */
export interface Surroundings {
  /** Of the daemon. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What no child may be given. */
  secrets(): readonly string[];
  readonly children: ChildRecords;
  readonly probeTimeoutMs: number;
  readonly healthTimeoutMs: number;
}
