// A connection to CAR in one file: JSON-RPC 2.0 over the WebSocket of Node. `@car-runtime/client` does more: it is typed,
// reconnects, and resumes what it followed.

/** What the daemon answers is described in its method reference; `@car-runtime/client` has the types. */
// oxlint-disable-next-line typescript/no-explicit-any
type Json = any;
type Handler = (params: Json) => unknown;

/** Connects as the agent that the daemon started this process for. */
export async function attach(): Promise<Car> {
  const { CAR_DAEMON_URL: url, CAR_AGENT_ID: agent_id, CAR_AGENT_TOKEN: token } = process.env;
  if (!url || !agent_id || !token) throw new Error('This program is started by CAR: car agents start <id>');
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error(`Cannot connect to ${url}`)));
  });
  const car = new Car(socket);
  await car.call('session.auth', { agent_id, token });
  return car;
}

export class Car {
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<Json>>();
  readonly #handlers = new Map<string, Handler>();
  readonly #tools = new Map<string, Handler>();
  #lastId = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.addEventListener('close', () => {
        for (const { reject } of this.#waiting.values()) reject(new Error('The connection is gone'));
        resolve();
      });
    });
    socket.addEventListener('message', ({ data }) => void this.#receive(JSON.parse(String(data))));
    this.on('tools.execute', ({ tool, parameters }) => {
      const handler = this.#tools.get(tool);
      if (!handler) throw new Error(`There is no tool ${tool}`);
      return handler(parameters ?? {});
    });
  }

  /** Calls a method of the daemon. */
  call(method: string, params: unknown = {}): Promise<Json> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Json>();
    this.#waiting.set(id, answer);
    this.#send({ id, method, params });
    return answer.promise;
  }

  /** Answers what the daemon asks or tells under a name. */
  on(method: string, handler: Handler): void {
    this.#handlers.set(method, handler);
  }

  /** Offers a tool to plans. */
  async tool(definition: { name: string; description?: string; parameters?: Json }, handler: Handler): Promise<void> {
    this.#tools.set(definition.name, handler);
    await this.call('tools.register', [definition]);
  }

  notify(method: string, params: unknown): void {
    this.#send({ method, params });
  }

  async #receive({ id, method, params, result, error }: Json): Promise<void> {
    if (method === undefined) {
      const answer = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) answer?.reject(new Error(error.message));
      else answer?.resolve(result);
      return;
    }
    try {
      const value = await this.#handlers.get(method)?.(params ?? {});
      if (id !== undefined) this.#send({ id, result: value ?? null });
    } catch (failure) {
      if (id === undefined) console.error(failure);
      else this.#send({ id, error: { code: -32000, message: (failure as Error).message } });
    }
  }

  #send(message: Json): void {
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
  }
}
