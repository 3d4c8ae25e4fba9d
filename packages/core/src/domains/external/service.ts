// Tasks for external agents: who may take one, for how long, and what is left of it afterwards.
import { isAbsolute } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { fail, type ExternalResult } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Logger } from '../../kernel/logger.ts';
import { readAttachments } from './attachments.ts';
import type { AuditFile } from './audit.ts';
import { Roster } from './roster.ts';
import type { ExternalTool, Found, Outcome, RunContext, Task } from './tool.ts';

/** Each is a process that does as much as it likes. */
const maxRunning = 16;
const [minTimeoutSecs, defaultTimeoutSecs, maxTimeoutSecs] = [1, 300, 3_600] as const;

/** Where what an agent says goes, while somebody listens. */
export interface ExternalChats {
  startLocal(
    host: Connection,
    of: { sessionId: string | undefined; agentId: string },
    cancel: () => void,
  ): { sessionId: string; sink: { send(event: { kind: string; [field: string]: unknown }): void } };
}

export interface ExternalServiceOptions {
  readonly tools: readonly ExternalTool[];
  readonly chats: ExternalChats;
  readonly audit: AuditFile;
  /** This daemon's own MCP endpoint, where it has one. */
  readonly mcpUrl: () => string | undefined;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface Invocation {
  readonly id: string;
  readonly task: string;
  readonly cwd: string | undefined;
  readonly allowedTools: readonly string[] | undefined;
  readonly maxTurns: number | undefined;
  readonly timeoutSecs: number | undefined;
  /** Absent: the daemon's own. Empty: none. */
  readonly mcpEndpoint: string | undefined;
  readonly attachments: readonly string[];
}

export function timeoutSecsOf(wanted: number | null | undefined): number {
  return Math.min(maxTimeoutSecs, Math.max(minTimeoutSecs, wanted ?? defaultTimeoutSecs));
}

export class ExternalService implements AsyncDisposable {
  readonly roster: Roster;
  readonly #options: ExternalServiceOptions;
  readonly #running = new Map<AbortController, Promise<unknown>>();
  #isClosed = false;

  constructor(options: ExternalServiceOptions) {
    this.#options = options;
    this.roster = new Roster(options.tools, options.now);
  }

  /** Resolves once the agent has ended. What goes wrong with it is in the result. */
  async invoke(invocation: Invocation, signal: AbortSignal): Promise<ExternalResult> {
    const controller = this.#admit(invocation);
    const abort = (): void => controller.abort(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    try {
      return await this.#track(controller, this.#run(invocation, { signal: controller.signal, say: () => undefined }));
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Answers with the session; what the agent says goes to this connection until it ends, is cancelled, or nobody is left. */
  stream(host: Connection, sessionId: string | undefined, invocation: Invocation): string {
    const controller = this.#admit(invocation);
    const chat = this.#options.chats.startLocal(host, { sessionId, agentId: invocation.id }, () => controller.abort());
    const told = this.#stream(invocation, controller.signal, (event) => chat.sink.send(event));
    void this.#track(controller, told);
    return chat.sessionId;
  }

  /** Never rejects: nobody waits for it. */
  async #stream(
    invocation: Invocation,
    signal: AbortSignal,
    send: (event: { kind: string; [field: string]: unknown }) => void,
  ): Promise<void> {
    // The caller is to know the session before it hears of it.
    await turn();
    try {
      const result = await this.#run(invocation, { signal, say: send });
      const { answer, tool_uses: _uses, ...facts } = result;
      if (result.is_error) send({ kind: 'error', error: result.error ?? 'failed', result: facts });
      else
        send({
          kind: 'done',
          finish_reason: finishReasonOf(result),
          text: answer,
          ...(result.dropped_attachments !== undefined && { dropped_attachments: result.dropped_attachments }),
          result: facts,
        });
    } catch (error) {
      this.#options.logger.error({ err: error, agent: invocation.id }, 'External agent failed');
      send({ kind: 'error', error: (error as Error).message });
    }
  }

  #admit({ cwd, attachments }: Invocation): AbortController {
    if (this.#isClosed) throw fail('failed', 'Cannot run an external agent: the daemon is stopping');
    if (this.#running.size >= maxRunning) {
      throw fail('overloaded', `Cannot run an external agent: ${maxRunning} run already, the limit`, {
        data: { retry_after_ms: 1_000 },
      });
    }
    for (const [name, path] of [['cwd', cwd], ...attachments.map((each) => ['attachments', each])]) {
      if (path !== undefined && !isAbsolute(path)) {
        throw fail(
          'invalid_params',
          `Invalid params for agents.invoke_external: ${name} ${JSON.stringify(path)} is not an absolute path`,
        );
      }
    }
    const controller = new AbortController();
    // The place is taken before anything is waited for.
    this.#running.set(controller, Promise.resolve());
    return controller;
  }

  async #track<T>(controller: AbortController, run: Promise<T>): Promise<T> {
    this.#running.set(controller, run);
    try {
      return await run;
    } finally {
      this.#running.delete(controller);
    }
  }

  async #run(invocation: Invocation, context: RunContext): Promise<ExternalResult> {
    const startedAt = performance.now();
    const { outcome, dropped } = await this.#outcomeOf(invocation, context);
    const result: ExternalResult = {
      ...outcome,
      duration_ms: Math.round(performance.now() - startedAt),
      ...(dropped > 0 && { dropped_attachments: dropped }),
    };
    const { id, task, cwd, allowedTools, maxTurns, timeoutSecs, mcpEndpoint, attachments } = invocation;
    this.#options.audit.append({
      adapter_id: id,
      task,
      options: {
        cwd,
        allowed_tools: allowedTools,
        max_turns: maxTurns,
        timeout_secs: timeoutSecsOf(timeoutSecs),
        mcp_endpoint: mcpEndpoint === undefined ? undefined : withoutSecrets(mcpEndpoint),
        ...(attachments.length > 0 && { attachments }),
      },
      result,
    });
    return result;
  }

  async #outcomeOf(invocation: Invocation, context: RunContext): Promise<{ outcome: Outcome; dropped: number }> {
    const { id, mcpEndpoint } = invocation;
    const entry = (await this.roster.entries()).get(id);
    if (!entry) return { outcome: failed(this.roster.unknown(id).message), dropped: 0 };
    const { tool, found } = entry;
    if (found.problem !== undefined) return { outcome: failed(unusable(id, found)), dropped: 0 };
    const { attachments, dropped } = await readAttachments(invocation.attachments, tool);
    const task: Task = {
      task: invocation.task,
      cwd: invocation.cwd ?? process.cwd(),
      allowedTools: invocation.allowedTools,
      maxTurns: invocation.maxTurns,
      timeoutMs: timeoutSecsOf(invocation.timeoutSecs) * 1_000,
      mcpUrl: (mcpEndpoint === undefined ? this.#options.mcpUrl() : mcpEndpoint) || undefined,
      attachments,
    };
    const refusal = tool.refusal(task);
    const outcome = refusal === undefined ? await tool.run(found, task, context) : failed(refusal);
    return { outcome, dropped };
  }

  /** Ends all that run, and waits until they are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const controller of this.#running.keys()) controller.abort();
    await Promise.allSettled(this.#running.values());
  }
}

function failed(error: string): Outcome {
  return { answer: '', turns: 0, tool_calls: 0, is_error: true, error };
}

function unusable(id: string, { problem }: Found): string {
  return `external agent ${JSON.stringify(id)} cannot be run: ${problem}; agents.detect_external looks again`;
}

/** `stop` and the figures, in one word each. */
function finishReasonOf({ turns, tool_calls, duration_ms, total_cost_usd }: ExternalResult): string {
  const cost = total_cost_usd === undefined ? '' : ` total_cost_usd=${total_cost_usd}`;
  return `stop turns=${turns} tool_calls=${tool_calls} duration_ms=${duration_ms}${cost}`;
}

/** An address without what stands in it for a credential. */
function withoutSecrets(url: string): string {
  const parsed = URL.parse(url);
  return parsed ? `${parsed.origin}${parsed.pathname}` : '';
}
