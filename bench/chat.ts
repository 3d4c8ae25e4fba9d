// Tokens from an agent to the host that asked, through the daemon, against a bare server that relays them between two sockets.
import { agentIds } from './harness/agent-ids.ts';
import { maskedFrame } from './harness/client-frames.ts';
import { LoadConnection } from './harness/load-connection.ts';
import { cpuRatio, interleave, median, ratioOf, warmUp } from './harness/measure.ts';
import type { Options, Row } from './harness/report.ts';
import { ServerProcess } from './harness/server-process.ts';

/** Tokens under way at a time: as many as a fast model has within some milliseconds. */
const window = 64;
const session_id = 'chat-0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f';

interface Relayed {
  perSecond: number;
  /** Processor time of the server for one token, in microseconds. */
  cpuMicros: number;
}

export async function chat({ rounds, durationMs, warmUpMs, profileFolder }: Options): Promise<Row[]> {
  await using ours = await ServerProcess.start('agents', { profileFolder });
  await using baseline = await ServerProcess.start('relay');
  await using ourChat = await ChatSession.open(ours);
  await using bareChat = await ChatSession.open(baseline);
  await warmUp(ours, (ms) => ourChat.drive(ms), warmUpMs);
  await warmUp(baseline, (ms) => bareChat.drive(ms), warmUpMs);
  const measured = await interleave(rounds, {
    ours: () => ourChat.drive(durationMs),
    baseline: () => bareChat.drive(durationMs),
  });
  return [
    {
      benchmark: 'chat, tokens agent to host',
      value: ratioOf(measured.ours, measured.baseline, ({ perSecond }) => perSecond),
      goal: { atLeast: 0.9 },
      detail: `${describe(measured.ours)} against ${describe(measured.baseline)} (CPU ratio ${cpuRatio(measured)})`,
      measured,
    },
  ];
}

function describe(side: readonly Relayed[]): string {
  const of = (key: keyof Relayed): number => median(side.map((each) => each[key]));
  return `${Math.round(of('perSecond'))}/s, ${of('cpuMicros').toFixed(2)} us CPU`;
}

/** One turn that never ends: its agent sends as many tokens as the host has received. */
class ChatSession implements AsyncDisposable {
  readonly #server: ServerProcess;
  readonly #agent: LoadConnection;
  readonly #host: LoadConnection;
  readonly #token: Buffer;

  private constructor(server: ServerProcess, agent: LoadConnection, host: LoadConnection) {
    this.#server = server;
    this.#agent = agent;
    this.#host = host;
    const params = { session_id, kind: 'token', delta: ' forty-two' };
    this.#token = maskedFrame(JSON.stringify({ jsonrpc: '2.0', method: 'agent.chat.event', params }));
  }

  static async open(server: ServerProcess): Promise<ChatSession> {
    const agent_id = agentIds[0] as string;
    const token = server.agentTokens?.[agent_id];
    const agent = await LoadConnection.open(server, { credentials: { agent_id, token } });
    const host = await LoadConnection.open(server);
    const failed = Promise.withResolvers<never>();
    // A bare relay does not ask the agent.
    agent.drive((bytes, start, end) => {
      const { id } = JSON.parse(bytes.toString('utf8', start, end)) as { id: unknown };
      agent.send(maskedFrame(JSON.stringify({ jsonrpc: '2.0', id, result: { accepted: true } })));
    }, failed.reject);
    await Promise.race([host.request('agents.chat', { agent_id, prompt: 'go on', session_id }), failed.promise]);
    return new ChatSession(server, agent, host);
  }

  async drive(durationMs: number): Promise<Relayed> {
    const finished = Promise.withResolvers<void>();
    const cpuBefore = await this.#server.cpuMicros();
    const startedAt = performance.now();
    let [sent, received] = [0, 0];
    const send = (upTo: number): void => {
      for (; sent < upTo; sent++) this.#agent.send(this.#token);
    };
    this.#host.count((frames) => {
      received = frames;
      if (performance.now() - startedAt < durationMs) send(received + window);
      else if (received === sent) finished.resolve();
      else if (received > sent) finished.reject(new Error(`${received} tokens came of ${sent}`));
    }, finished.reject);
    send(window);
    await finished.promise;
    const elapsedMs = performance.now() - startedAt;
    this.#host.stopCounting();
    const cpu = (await this.#server.cpuMicros()) - cpuBefore;
    return { perSecond: (received / elapsedMs) * 1_000, cpuMicros: cpu / received };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#agent.close(), this.#host.close()]);
  }
}
