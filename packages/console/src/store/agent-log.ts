// What one agent writes, as it comes, across lost connections; so much of the newest as a person can look through.
import type { Client } from '@car-runtime/client';
import type { AgentLogEntry, FeedCursor } from '@car-runtime/protocol';
import { client, connection } from '../connection.ts';

const maxLines = 20_000;
const maxCharacters = 8_000_000;
const firstLines = 2_000;
/** Of one line that is kept. */
const maxLineLength = 20_000;

export type Level = 'error' | 'warn' | 'info' | 'debug';

export interface LogLine {
  number: number;
  /** When the daemon read it, where somebody followed then. */
  at: string | undefined;
  /** Neither where the page itself has to say something. */
  stream: 'stdout' | 'stderr' | undefined;
  text: string;
  level: Level | undefined;
}

type Entry = Pick<AgentLogEntry, 'stream' | 'at' | 'lines' | 'skipped'>;

export class AgentLog implements Disposable {
  readonly agentId: string;
  lines: LogLine[] = [];
  hasMore = false;
  isReady = false;
  error: unknown;
  readonly #onChange: () => void;
  readonly #stopping = new AbortController();
  readonly #listening: Disposable;
  #cursor: FeedCursor | undefined;
  #connections = 0;
  #followed: Client | undefined;
  #characters = 0;
  #lastNumber = 0;

  constructor(agentId: string, onChange: () => void) {
    this.agentId = agentId;
    this.#onChange = onChange;
    this.#listening = connection.listen(() => this.#onConnection());
    this.#onConnection();
  }

  #onConnection(): void {
    const { state, connections } = connection.value;
    if (state !== 'connected' || connections === this.#connections) return;
    this.#connections = connections;
    const current = client();
    if (this.#followed !== current) {
      this.#followed = current;
      void this.#read(current);
    }
    void this.#watch();
  }

  async #watch(): Promise<void> {
    try {
      // The daemon tells of gaps whoever says where it stands.
      const after = this.#cursor ?? { epoch: '', seq: 0 };
      const answer = await client().agents.watch_log({ id: this.agentId, n: firstLines, after });
      if (this.#stopping.signal.aborted) return;
      if (answer.delivery !== 'replayed') {
        this.lines = [];
        this.#characters = 0;
        this.hasMore = answer.more;
      }
      for (const entry of answer.entries) this.#add(entry);
      this.#cursor = answer.cursor;
      this.isReady = true;
      this.error = undefined;
    } catch (error) {
      this.error = error;
    }
    this.#onChange();
  }

  async #read(from: Client): Promise<void> {
    const options = { bufferSize: 4_096, signal: this.#stopping.signal };
    try {
      for await (const entry of from.events('agents.log.event', options)) {
        if (entry.agent_id === this.agentId) this.#hear(entry);
      }
    } catch (error) {
      this.error = error;
      this.#onChange();
    }
  }

  #hear(entry: AgentLogEntry): void {
    const { cursor, kind, missed } = entry;
    if (cursor.epoch === this.#cursor?.epoch && cursor.seq <= this.#cursor.seq) return;
    this.#cursor = cursor;
    if (kind === 'gap') this.#say(`… ${missed ?? 'some'} entries did not arrive here`);
    else this.#add(entry);
    this.#onChange();
  }

  #add({ stream, at, lines, skipped }: Entry): void {
    if (skipped !== undefined) this.#say(`… ${skipped} lines left out: it writes too fast to follow`);
    for (const line of lines) this.#push({ at, stream, text: line, level: levelOf(line) });
  }

  #say(text: string): void {
    this.#push({ at: undefined, stream: undefined, text, level: undefined });
  }

  #push(line: Omit<LogLine, 'number'>): void {
    const text = withoutColors(line.text).slice(0, maxLineLength);
    this.lines.push({ ...line, text, number: ++this.#lastNumber });
    this.#characters += text.length;
    // Cut now and then, not at every line.
    if (this.lines.length < 1.25 * maxLines && this.#characters < 1.25 * maxCharacters) return;
    let from = Math.max(0, this.lines.length - maxLines);
    this.#characters = this.lines.slice(from).reduce((sum, { text: kept }) => sum + kept.length, 0);
    for (; this.#characters > maxCharacters; from++) this.#characters -= this.lines[from]?.text.length ?? 0;
    this.lines = this.lines.slice(from);
    this.hasMore = true;
  }

  [Symbol.dispose](): void {
    this.#stopping.abort();
    this.#listening[Symbol.dispose]();
    // Without a connection the daemon has forgotten it already.
    client()
      .agents.unwatch_log({ id: this.agentId }, { whenDisconnected: 'reject' })
      .catch(() => undefined);
  }
}

/** What terminals are told of colours says nothing here. */
function withoutColors(text: string): string {
  // oxlint-disable-next-line no-control-regex -- it is what is looked for
  return text.includes('\u001B') ? text.replaceAll(/\u001B\[[\d;]*m/g, '') : text;
}

const levelWords: Readonly<Record<string, Level>> = {
  fatal: 'error',
  critical: 'error',
  error: 'error',
  err: 'error',
  warning: 'warn',
  warn: 'warn',
  info: 'info',
  debug: 'debug',
  trace: 'debug',
};
/** As pino and bunyan count them. */
const levelNumbers: Readonly<Record<string, Level>> = {
  '60': 'error',
  '50': 'error',
  '40': 'warn',
  '30': 'info',
  '20': 'debug',
  '10': 'debug',
};

const levelMember = /"(?:level|severity)"\s*:\s*(?:"(\w+)"|(\d+))/;
const levelWord =
  /\b(FATAL|CRITICAL|ERROR|ERR|WARNING|WARN|INFO|DEBUG|TRACE)\b|^\W*(fatal|error|warning|warn|info|debug|trace)[:\]]/;
const thrown = /^(?:Uncaught )?\w*(Error|Exception|Warning)\b/;

/** As the common formats say it: a member of JSON, a word near the beginning, or what was thrown. */
export function levelOf(line: string): Level | undefined {
  const member = levelMember.exec(line.slice(0, 500));
  if (member) return levelWords[member[1]?.toLowerCase() ?? ''] ?? levelNumbers[member[2] ?? ''];
  const word = levelWord.exec(line.slice(0, 80));
  if (word) return levelWords[(word[1] ?? word[2] ?? '').toLowerCase()];
  const what = thrown.exec(line.slice(0, 200))?.[1];
  return what === undefined ? undefined : what === 'Warning' ? 'warn' : 'error';
}
