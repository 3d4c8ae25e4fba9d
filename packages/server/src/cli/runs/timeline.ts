// A run in lines that people read: what was done when, and what came of it.
import { once } from 'node:events';
import type { WatchedRecord } from '@car-runtime/client';
import type { RunEnded, RunTurn } from '@car-runtime/protocol';
import { nameOf, safeJson, textOf } from '../plan/plan-text.ts';
import { paint } from '../terminal.ts';

const defaultColumns = 120;
const minTextChars = 20;
const minToolChars = 12;
const timeChars = 9;

/** Prints records as lines of JSON, or as a timeline with times since the run's start. */
export class RecordPrinter {
  readonly #isJson: boolean;
  readonly #columns = process.stdout.isTTY ? process.stdout.columns || 80 : defaultColumns;
  #startedAt: number | undefined;
  #toolChars = minToolChars;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  /** Resolves when the reader has room for more. */
  async print(item: WatchedRecord): Promise<void> {
    const text = this.#isJson ? safeJson(item) : this.#lines(item).join('\n');
    if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain');
  }

  #lines({ kind, record }: WatchedRecord): string[] {
    switch (kind) {
      case 'started': {
        const { run_id: runId, agent_id: agentId, intent, outcome_description: wanted, started_at: at } = record;
        this.#startedAt = Date.parse(at);
        return [
          `${paint('bold', `run ${nameOf(runId)}`)}  of ${nameOf(agentId)}, started ${textOf(at)}`,
          `${paint('dim', '  intent ')}${this.#text(intent, 9)}`,
          ...(wanted === undefined ? [] : [`${paint('dim', '  wanted ')}${this.#text(wanted, 9)}`]),
        ];
      }
      case 'turn':
        return this.#turnLines(record);
      case 'ended':
        return this.#endLines(record);
      case 'reset':
        return [paint('yellow', 'turns were lost in a crash of the daemon: the run from its start again')];
    }
  }

  #turnLines(turn: RunTurn): string[] {
    const { index, tool, prompt, parameters, output, policy_rejected: isRejected, verifier_verdict: verdict } = turn;
    const number = String(index + 1).padStart(4);
    const name = nameOf(tool ?? (prompt === undefined ? '-' : 'prompt'));
    this.#toolChars = Math.max(this.#toolChars, name.length);
    const head = `${this.#time(turn.recorded_at)}${number}  `;
    const indent = timeChars + 6;
    const given = parameters ?? prompt;
    const style = isRejected ? 'red' : 'cyan';
    const what = `${paint(style, name.padEnd(this.#toolChars))}  ${this.#text(given ?? '', indent + this.#toolChars + 2)}`;
    const verdicts = [
      ...(isRejected ? [paint('red', 'rejected by policy')] : []),
      ...(verdict === 'not_run' ? [] : [`verifier: ${nameOf(verdict)}`]),
      ...(turn.cli_outcome === undefined ? [] : [`cli outcome: ${textOf(turn.cli_outcome)}`]),
    ];
    return [
      `${paint('dim', head)}${what}`.trimEnd(),
      ...(output === undefined ? [] : [`${' '.repeat(indent)}${paint('dim', '→')} ${this.#text(output, indent + 2)}`]),
      ...verdicts.map((text) => `${' '.repeat(indent)}${text}`),
    ];
  }

  #endLines({ termination, ended_at: at, lost_turns: lost = 0 }: RunEnded): string[] {
    const losses = lost > 0 ? [paint('yellow', `  ${lost} turns at its end were never stored`)] : [];
    const time = paint('dim', this.#time(at));
    if (termination.kind === 'incomplete') {
      return [
        `${time}${paint('yellow', '◌ incomplete')}: its connection or the daemon went away before its end`,
        ...losses,
      ];
    }
    const { status, summary } = termination.outcome;
    const isGood = status === 'success' || status === 'done';
    const style = isGood ? 'green' : status === 'partial_success' ? 'yellow' : 'red';
    const verdict = paint(style, `${isGood ? '✓' : '✗'} ${status}`);
    return [
      `${time}${verdict}${summary === '' ? '' : `: ${this.#text(summary, timeChars + status.length + 4)}`}`,
      ...losses,
    ];
  }

  /** Seconds since the start, as far as both are known. */
  #time(at: string | undefined): string {
    const ms = at === undefined || this.#startedAt === undefined ? NaN : Date.parse(at) - this.#startedAt;
    return (Number.isNaN(ms) ? '' : `+${(ms / 1_000).toFixed(3)}s`).padEnd(timeChars);
  }

  #text(value: unknown, before: number): string {
    return textOf(value, Math.max(minTextChars, this.#columns - before));
  }
}
