/** What is wrong with the daemon right now, by component. Read by `/readyz`, the metrics and `server.status`. */
export class Health {
  readonly #problems = new Map<string, string>();

  /** Told when a component begins to have a problem, and when it has none any more. */
  onChange: ((component: string, problem: string | undefined) => void) | undefined;

  degrade(component: string, problem: string): void {
    const isNew = !this.#problems.has(component);
    this.#problems.set(component, problem);
    if (isNew) this.onChange?.(component, problem);
  }

  recover(component: string): void {
    if (this.#problems.delete(component)) this.onChange?.(component, undefined);
  }

  /** `component: problem`, empty when all is well. */
  get problems(): string[] {
    return [...this.#problems].map(([component, problem]) => `${component}: ${problem}`);
  }
}
