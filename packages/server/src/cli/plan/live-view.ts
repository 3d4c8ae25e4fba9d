// A plan on a terminal: one line for each action, changing in place. A plan longer than the terminal shows what runs and
// what ended last.
import { paint } from '../terminal.ts';
import {
  statusStyle,
  type ActionProgress,
  type PlanProgress,
  type ProgressView,
  type Status,
} from './plan-progress.ts';
import { nameOf, textOf, tookText } from './plan-text.ts';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 100;
const marks: Readonly<Record<Status, string>> = {
  waiting: '·',
  running: '',
  retrying: '',
  succeeded: '✓',
  failed: '✗',
  rejected: '✗',
  skipped: '-',
};
/** Of the terminal's rows: for the summary, the prompt and what was there before. */
const rowsLeft = 3;

export interface Screen {
  write(text: string): unknown;
  readonly columns?: number;
  readonly rows?: number;
}

/** `keeps`: whether the last picture stays when the view is disposed. */
export function startLiveView(progress: PlanProgress, screen: Screen, keeps: boolean): ProgressView {
  const view = new LiveView(progress, screen);
  view.draw();
  const drawing = setInterval(() => view.draw(), frameMs);
  drawing.unref();
  return {
    take: (events) => view.show(progress.take(events)),
    conclude: (results) => view.show(progress.conclude(results)),
    [Symbol.dispose]: () => {
      clearInterval(drawing);
      if (keeps) view.draw();
      else view.erase();
    },
  };
}

class LiveView {
  readonly #progress: PlanProgress;
  readonly #screen: Screen;
  readonly #nameWidth: number;
  /** Actions by when they changed last, the latest at the end. */
  readonly #changed = new Set<ActionProgress>();
  #frame = 0;
  #linesShown = 0;

  constructor(progress: PlanProgress, screen: Screen) {
    this.#progress = progress;
    this.#screen = screen;
    this.#nameWidth = Math.min(30, Math.max(0, ...progress.actions.map(({ id }) => nameOf(id).length)));
  }

  show(changed: Iterable<ActionProgress>): void {
    for (const action of changed) {
      this.#changed.delete(action);
      this.#changed.add(action);
    }
    this.draw();
  }

  draw(): void {
    this.#frame++;
    const lines = [...this.#visible().map((action) => this.#line(action)), this.#summary()];
    const back = this.#linesShown === 0 ? '' : `\u001B[${this.#linesShown}A`;
    this.#screen.write(`${back}\r\u001B[J${lines.join('\n')}\n`);
    this.#linesShown = lines.length;
  }

  erase(): void {
    if (this.#linesShown > 0) this.#screen.write(`\u001B[${this.#linesShown}A\r\u001B[J`);
    this.#linesShown = 0;
  }

  /** In the order of the plan: all of them, or those that run and those that changed last. */
  #visible(): readonly ActionProgress[] {
    const { actions } = this.#progress;
    const room = Math.max(1, (this.#screen.rows || 24) - rowsLeft);
    if (actions.length <= room) return actions;
    const chosen = new Set<ActionProgress>();
    const changed = [...this.#changed].toReversed();
    for (const each of [changed.filter(isRunning), changed, actions]) {
      for (const action of each) if (chosen.size < room) chosen.add(action);
    }
    return actions.filter((action) => chosen.has(action));
  }

  #line(action: ActionProgress): string {
    const { id, what, status, startedAt, note } = action;
    const spinner = frames[this.#frame % frames.length] ?? '';
    const tookMs = isRunning(action) && startedAt !== undefined ? performance.now() - startedAt : action.tookMs;
    const head = `${isRunning(action) ? spinner : marks[status]} ${nameOf(id).slice(0, this.#nameWidth).padEnd(this.#nameWidth)}  `;
    const rest = [
      status.padEnd(9),
      (tookMs === undefined ? '' : tookText(tookMs)).padStart(7),
      nameOf(what),
      textOf(note),
    ];
    // One column stays free: a full line wraps, and then counting lines goes wrong.
    const room = Math.max(10, (this.#screen.columns || 80) - 1 - head.length);
    return paint(statusStyle[status], head + rest.join('  ').trimEnd().slice(0, room), process.stderr);
  }

  #summary(): string {
    const { actions } = this.#progress;
    const count = (...wanted: Status[]): number => actions.filter(({ status }) => wanted.includes(status)).length;
    const ended = actions.length - count('waiting', 'running', 'retrying');
    const failed = count('failed', 'rejected');
    const text = `${ended} of ${actions.length} done, ${count('running', 'retrying')} running${failed > 0 ? `, ${failed} failed` : ''}`;
    return paint('dim', text, process.stderr);
  }
}

function isRunning({ status }: ActionProgress): boolean {
  return status === 'running' || status === 'retrying';
}
