// One agent and its life (Agents, Lifecycle): stopped, starting, running, backoff, errored. Every change of state is one
// synchronous step; what was awaited before it is checked again.
import { backoffDelayMs } from './backoff.ts';
import type { AgentProcess, Exit } from './agent-process.ts';
import type { AgentSpec } from './agent-spec.ts';

export type AgentStatus = 'stopped' | 'starting' | 'running' | 'backoff' | 'errored';

/** Continuous running after which earlier failures are forgotten. */
const stableMs = 60_000;
/** How often a blocked agent looks whether the other instance is gone. */
const blockedPollMs = 2_000;

export interface AgentPorts {
  launch(spec: AgentSpec): Promise<AgentProcess>;
  /** The process id of somebody else's live instance. */
  foreignInstance(id: string): number | undefined;
  onChange(agent: SupervisedAgent): void;
  /** Its process is gone, for whatever reason. */
  onEnded(agent: SupervisedAgent, exit: Exit): void;
  /** SIGTERM to SIGKILL, in ms. */
  stopGraceMs: number;
}

export class SupervisedAgent {
  spec: AgentSpec;
  status: AgentStatus = 'stopped';
  pid: number | undefined;
  lastExitCode: number | null | undefined;
  lastSignal: string | undefined;
  lastError: string | undefined;
  restartCount = 0;
  /** Ms since the epoch. */
  startedAtMs: number | undefined;
  blockedByPid: number | undefined;
  retryAtMs: number | undefined;
  readonly #ports: AgentPorts;
  #process: AgentProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Ends when what is being ended is gone; nothing is started before. */
  #ending: Promise<unknown> | undefined;
  /** Of the newest start; an older one that comes back from waiting has been overtaken. */
  #attempt = 0;
  #isStopWanted = false;
  #limitBroken: string | undefined;
  isRemoved = false;

  constructor(spec: AgentSpec, ports: AgentPorts) {
    this.spec = spec;
    this.#ports = ports;
  }

  get id(): string {
    return this.spec.id;
  }

  get isActive(): boolean {
    return this.#process !== undefined || this.status === 'starting';
  }

  /** Nothing is started before `ended` is over. */
  holdBack(ended: Promise<unknown>): void {
    const previous = this.#ending;
    const ending = Promise.allSettled([previous, ended]).then(() => {
      if (this.#ending === ending) this.#ending = undefined;
    });
    this.#ending = ending;
  }

  /** No-op while it runs. Failures before do not count any more. */
  async start(): Promise<void> {
    while (this.#ending) await this.#ending;
    if (this.isActive || this.isRemoved) return;
    this.restartCount = 0;
    await this.#launch();
  }

  /** No restart follows. Rejects when the process does not end. */
  async stop(signal: 'term' | 'kill', graceMs = this.#ports.stopGraceMs): Promise<void> {
    this.#attempt++;
    this.#cancelTimer();
    this.#isStopWanted = true;
    const running = this.#process;
    if (!running) {
      this.lastError = undefined;
      if (this.status !== 'stopped') this.#become('stopped');
      while (this.#ending) await this.#ending;
      return;
    }
    const ending = running.end(signal, graceMs);
    this.holdBack(ending);
    await ending;
  }

  async restart(): Promise<void> {
    await this.stop('term');
    await this.start();
  }

  /** However it ends from now on, nothing follows. Resolves when it has ended. */
  async expectEnd(signal?: 'SIGTERM'): Promise<void> {
    if (!this.#process) return await this.stop('term');
    this.#isStopWanted = true;
    if (signal) this.#process.signal(signal);
    await this.#process.ended;
  }

  /** It used more than it may; that is a failure, whatever it says as it ends. */
  breakLimit(reason: string): void {
    if (!this.#process || this.#limitBroken !== undefined || this.#isStopWanted) return;
    this.#limitBroken = reason;
    const ending = this.#process.end('term', this.#ports.stopGraceMs).catch(() => undefined);
    this.holdBack(ending);
  }

  /** Ends it at once, for a daemon that is about to be gone. */
  killNow(): void {
    this.#process?.signal('SIGKILL');
  }

  async #launch(): Promise<void> {
    const attempt = ++this.#attempt;
    this.#cancelTimer();
    this.#isStopWanted = false;
    this.#limitBroken = undefined;
    const blocker = this.#ports.foreignInstance(this.id);
    if (blocker !== undefined) {
      this.#waitForForeign(blocker);
      return;
    }
    this.#become('starting');
    let launched: AgentProcess;
    try {
      launched = await this.#ports.launch(this.spec);
    } catch (error) {
      if (attempt === this.#attempt) this.#fail((error as Error).message);
      return;
    }
    this.#process = launched;
    void launched.ended.then((exit) => this.#onExit(launched, exit));
    if (attempt !== this.#attempt) {
      // Stopped while it was being started.
      this.#isStopWanted = true;
      this.holdBack(launched.end('kill', 0).catch(() => undefined));
      return;
    }
    this.pid = launched.pid;
    this.startedAtMs = Date.now();
    this.lastError = undefined;
    this.#timer = setTimeout(() => this.#forgetFailures(), stableMs).unref();
    this.#become('running');
  }

  #onExit(ended: AgentProcess, exit: Exit): void {
    if (this.#process !== ended) return;
    this.#process = undefined;
    this.pid = undefined;
    this.lastExitCode = exit.code;
    this.lastSignal = exit.signal ?? undefined;
    this.#cancelTimer();
    this.#ports.onEnded(this, exit);
    const policy = this.spec.restart;
    const isFailure = exit.code !== 0 || this.#limitBroken !== undefined;
    const reason = this.#limitBroken ?? exitText(exit);
    if (this.#isStopWanted) {
      this.lastError = undefined;
      this.#become('stopped');
    } else if (policy === 'always' || (isFailure && policy === 'on_failure')) this.#fail(reason);
    else {
      if (isFailure) this.lastError = reason;
      this.#become('stopped');
    }
  }

  #fail(reason: string): void {
    this.lastError = reason;
    if (this.restartCount >= this.spec.max_restarts) {
      this.#become('errored');
      return;
    }
    this.restartCount++;
    this.#retryIn(backoffDelayMs(this.restartCount, this.spec.backoff_secs));
    this.#become('backoff');
  }

  #waitForForeign(pid: number): void {
    const isNews = this.blockedByPid !== pid;
    this.#retryIn(blockedPollMs);
    this.blockedByPid = pid;
    if (isNews || this.status !== 'backoff') this.#become('backoff');
  }

  #retryIn(delayMs: number): void {
    this.#cancelTimer();
    this.retryAtMs = Date.now() + delayMs;
    this.#timer = setTimeout(() => void this.#retry(), delayMs);
  }

  async #retry(): Promise<void> {
    const attempt = this.#attempt;
    while (this.#ending) await this.#ending;
    if (attempt === this.#attempt && this.status === 'backoff' && !this.isRemoved) await this.#launch();
  }

  #forgetFailures(): void {
    this.restartCount = 0;
    this.#ports.onChange(this);
  }

  #cancelTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.retryAtMs = undefined;
  }

  #become(status: AgentStatus): void {
    this.status = status;
    if (status !== 'backoff') this.blockedByPid = undefined;
    if (status !== 'running') this.startedAtMs = undefined;
    this.#ports.onChange(this);
  }
}

function exitText({ code, signal }: Exit): string {
  return signal === null ? `exited with ${code}` : `ended by ${signal}`;
}
