// A spinner for what takes longer than a person expects, on a terminal's standard error only.
import { paint } from './terminal.ts';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const patienceMs = 1_000;
const frameMs = 100;

/** Shows that something goes on, from a second after now until disposed. */
export function startProgress(what: string): Disposable {
  const { stderr } = process;
  if (!stderr.isTTY) return { [Symbol.dispose]: () => {} };
  const startedAt = Date.now();
  let isShown = false;
  let frame = 0;
  const draw = (): void => {
    isShown = true;
    const seconds = Math.floor((Date.now() - startedAt) / 1000);
    stderr.write(
      `\r\u001B[K${paint('cyan', frames[frame++ % frames.length] ?? '', stderr)} ${what} ${paint('dim', `${seconds}s`, stderr)}`,
    );
  };
  let drawing: NodeJS.Timeout | undefined;
  const waiting = setTimeout(() => {
    draw();
    drawing = setInterval(draw, frameMs);
    drawing.unref();
  }, patienceMs);
  waiting.unref();
  return {
    [Symbol.dispose]: () => {
      clearTimeout(waiting);
      clearInterval(drawing);
      if (isShown) stderr.write('\r\u001B[K');
    },
  };
}
