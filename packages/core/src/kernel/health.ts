/** What is wrong with the daemon right now, by component. Read by `/readyz`, the metrics and `server.status`. */
export class Health {
  readonly #problems = new Map<string, string>();

  degrade(component: string, problem: string): void {
    this.#problems.set(component, problem);
  }

  recover(component: string): void {
    this.#problems.delete(component);
  }

  /** `component: problem`, empty when all is well. */
  get problems(): string[] {
    return [...this.#problems].map(([component, problem]) => `${component}: ${problem}`);
  }
}
