// Agents that speak the Agent Client Protocol, as the operator configured them. The daemon offers them neither its files nor
// terminals; what they ask permission for, a person decides.
import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type {
  ClientConnection,
  PromptRequest,
  PromptResponse,
  SessionNotification,
  StopReason,
} from '@agentclientprotocol/sdk';
import { Child } from './child.ts';
import { endWhen, problemOf, refusalOfToolList } from './cli-tool.ts';
import { environmentFor } from './environment.ts';
import { maxLineBytes } from './json-lines.ts';
import { PermissionDesk, type ApprovalDesk } from './permission-desk.ts';
import type { ExternalTool, Found, HealthFinding, Outcome, RunContext, Surroundings, Task } from './tool.ts';
import { cut, Transcript } from './transcript.ts';

const maxAnswerChars = 4 * 1024 * 1024;
/** For an agent that was asked to stop, before it is made to. */
const cancelGraceMs = 1_000;

export interface AcpAgentConfig {
  /** Absolute path. */
  readonly command: string;
  readonly args?: readonly string[];
  /** Beside the daemon's own variables. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface AcpOptions {
  readonly surroundings: Surroundings;
  readonly approvals: ApprovalDesk;
  /** Time a person has to decide; then it is a no. */
  readonly permissionTimeoutMs: number;
}

export function acpTool(id: string, config: AcpAgentConfig, options: AcpOptions): ExternalTool {
  const { surroundings } = options;
  return {
    id,
    displayName: id,
    capabilities: { tool_use: true, mcp: true, hooks: false, sessions: false, streaming: true, images: true },
    takesAnyFile: false,
    detect: () => {
      const problem = problemWith(config.command);
      return Promise.resolve({ path: config.command, ...(problem !== undefined && { problem }) });
    },
    authKind: () => 'unknown',
    health: () => health(config, surroundings),
    refusal: (task) => refusalOfToolList(id, task),
    run: (_found: Found, task, context) => run(id, config, { options, task, context }),
  };
}

function problemWith(command: string): string | undefined {
  if (!isAbsolute(command)) return `${JSON.stringify(command)} is not an absolute path`;
  try {
    accessSync(command, constants.X_OK);
    return statSync(command).isFile() ? undefined : `${JSON.stringify(command)} is not a file`;
  } catch (error) {
    return `${JSON.stringify(command)} cannot be used: ${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}`;
  }
}

/** A process and the protocol over its standard streams. */
class AcpProcess {
  readonly child: Child;
  readonly connection: ClientConnection;

  static async launch(
    { command, args = [], env: more = {} }: AcpAgentConfig,
    { env, secrets, children }: Surroundings,
    { cwd, ...handlers }: { cwd: string | undefined } & Handlers,
  ): Promise<AcpProcess> {
    const acp = await import('@agentclientprotocol/sdk');
    let output: ReadableStreamDefaultController<Uint8Array> | undefined;
    const readable = new ReadableStream<Uint8Array>({
      start: (controller) => void (output = controller),
      // The connection has ended, and takes nothing of what the process still says.
      cancel: () => void (output = undefined),
    });
    const options = { command, args, cwd, env: { ...environmentFor(env, secrets()), ...more }, children };
    const child = await Child.launch(options, (bytes) => output?.enqueue(bytes));
    void child.ended.then(() => output?.close()).catch(() => undefined); // the connection closed it
    const stream = acp.ndJsonStream(Writable.toWeb(child.stdin), readable, { maxMessageBytes: maxLineBytes });
    const connection = acp
      .client({ name: 'car' })
      .onNotification(acp.methods.client.session.update, ({ params }) => handlers.updated?.(params))
      .onRequest(acp.methods.client.session.requestPermission, async ({ params, signal }) => {
        const optionId = await handlers.permissions?.decide(params, signal);
        return { outcome: optionId === undefined ? { outcome: 'cancelled' } : { outcome: 'selected', optionId } };
      })
      .connect(stream);
    connection.closed.catch(() => undefined);
    return new AcpProcess(child, connection);
  }

  private constructor(child: Child, connection: ClientConnection) {
    this.child = child;
    this.connection = connection;
  }

  async initialize() {
    const acp = await import('@agentclientprotocol/sdk');
    const answer = await this.connection.agent.request(acp.methods.agent.initialize, {
      protocolVersion: acp.PROTOCOL_VERSION,
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      clientInfo: { name: 'car', version: '2' },
    });
    if (answer.protocolVersion !== acp.PROTOCOL_VERSION)
      throw new Error(`it speaks version ${answer.protocolVersion} of the protocol, not ${acp.PROTOCOL_VERSION}`);
    return answer;
  }

  async end(): Promise<void> {
    this.connection.close();
    await this.child.end();
  }
}

interface Handlers {
  readonly updated?: (notification: SessionNotification) => void;
  readonly permissions?: PermissionDesk;
}

async function health(config: AcpAgentConfig, surroundings: Surroundings): Promise<HealthFinding> {
  let agent: AcpProcess;
  try {
    agent = await AcpProcess.launch(config, surroundings, { cwd: undefined });
  } catch (error) {
    return { status: 'not_executable', details: null, reason: cut((error as Error).message) };
  }
  const late = endWhen(agent.child, new AbortController().signal, surroundings.healthTimeoutMs);
  try {
    const { protocolVersion, agentInfo } = await agent.initialize();
    const details = { protocol_version: protocolVersion, version: agentInfo?.version ?? null };
    return { status: 'ready', details, reason: 'it answers; whether it is logged in shows with the first task' };
  } catch (error) {
    return { status: 'unknown', details: null, reason: cut((error as Error).message) };
  } finally {
    late.stop();
    await agent.end();
  }
}

async function run(
  id: string,
  config: AcpAgentConfig,
  { options, task, context }: { options: AcpOptions; task: Task; context: RunContext },
): Promise<Outcome> {
  const reader = new UpdateReader(new Transcript(context.say));
  await using permissions = new PermissionDesk(id, { ...options, say: context.say });
  let agent: AcpProcess;
  try {
    context.signal.throwIfAborted();
    const updated = (each: SessionNotification): void => reader.take(each);
    agent = await AcpProcess.launch(config, options.surroundings, { cwd: task.cwd, updated, permissions });
  } catch (error) {
    return reader.failed((error as Error).message);
  }
  let cancel = (): Promise<unknown> => Promise.resolve();
  const late = endWhen(agent.child, context.signal, task.timeoutMs, () => cancel());
  const answered = prompt(agent, task, (how) => (cancel = how)).then(
    ({ sessionId, stopReason }) => {
      reader.transcript.sessionId = sessionId;
      return stopReason === 'end_turn' ? undefined : `it stopped: ${stopReason}`;
    },
    (error: Error) => error.message,
  );
  const exited = agent.child.ended.then((exit) => problemOf(exit) ?? 'it ended before the turn did');
  const why = await Promise.race([answered, exited]);
  await agent.end();
  const ending = late.stop() ?? why;
  if (ending === undefined) return reader.succeeded();
  const { errorText } = agent.child;
  return reader.failed(errorText === '' ? ending : `${ending}: ${errorText}`);
}

async function prompt(
  agent: AcpProcess,
  task: Task,
  onSession: (cancel: () => Promise<unknown>) => void,
): Promise<{ sessionId: string; stopReason: StopReason }> {
  const { methods } = await import('@agentclientprotocol/sdk');
  const { agentCapabilities } = await agent.initialize();
  const peer = agent.connection.agent;
  const canReach = task.mcpUrl !== undefined && agentCapabilities?.mcpCapabilities?.http === true;
  const { sessionId } = await peer.request(methods.agent.session.new, {
    cwd: task.cwd,
    mcpServers: canReach ? [{ type: 'http', name: 'car', url: task.mcpUrl ?? '', headers: [] }] : [],
  });
  const answered = peer.request<PromptResponse, PromptRequest>(methods.agent.session.prompt, {
    sessionId,
    prompt: [
      { type: 'text', text: task.task },
      ...task.attachments.map(({ bytes, mediaType = '' }) => ({
        type: 'image' as const,
        mimeType: mediaType,
        data: bytes.toString('base64'),
      })),
    ],
  });
  onSession(async () => {
    await peer.notify(methods.agent.session.cancel, { sessionId });
    await Promise.race([answered.catch(() => undefined), delay(cancelGraceMs)]);
  });
  const { stopReason } = await answered;
  return { sessionId, stopReason };
}

/** What an agent tells of its turn. Kinds that are not known are passed over. */
class UpdateReader {
  readonly transcript: Transcript;
  #answer = '';

  constructor(transcript: Transcript) {
    this.transcript = transcript;
    transcript.turns = 1;
  }

  take({ update }: SessionNotification): void {
    if (update.sessionUpdate === 'agent_message_chunk' && update.content.type === 'text') {
      this.#answer = (this.#answer + update.content.text).slice(0, maxAnswerChars);
      this.transcript.text(update.content.text);
    } else if (update.sessionUpdate === 'tool_call') {
      const { toolCallId, name, kind, title, rawInput } = update;
      this.transcript.tool(toolCallId, name ?? kind ?? 'other', rawInput ?? { title });
    }
  }

  succeeded(): Outcome {
    return this.transcript.succeeded(this.#answer);
  }

  failed(error: string): Outcome {
    return this.transcript.failed(error, this.#answer);
  }
}
