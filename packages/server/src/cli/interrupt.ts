/** As a shell reports a program that Ctrl-C ended. */
export const interruptedExit = 130;

/** Turns Ctrl-C into a signal while it is not disposed; a second one ends the program at once. */
export function onInterrupt(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const listener = (): void => {
    if (controller.signal.aborted) process.exit(interruptedExit);
    controller.abort();
  };
  process.on('SIGINT', listener);
  return { signal: controller.signal, [Symbol.dispose]: () => process.off('SIGINT', listener) };
}
