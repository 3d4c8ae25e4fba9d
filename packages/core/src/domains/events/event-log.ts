// The event journal of one connection: JSONL, one event a line, append only (Events and metrics).
import type { AppendFile } from '../../infra/append-file.ts';
import { timestamp } from '../../infra/timestamp.ts';

export interface EventFields {
  action_id?: string | undefined;
  proposal_id?: string | undefined;
  data?: object | undefined;
}

export class EventLog implements Disposable {
  readonly #file: AppendFile;
  #count = 0;

  constructor(file: AppendFile) {
    this.#file = file;
  }

  /** Absolute path of the journal; the file exists from its first event on. */
  get path(): string {
    return this.#file.path;
  }

  get count(): number {
    return this.#count;
  }

  append(kind: string, { action_id, proposal_id, data }: EventFields): void {
    this.#count++;
    let line = `{"kind":"${kind}"`;
    if (action_id !== undefined) line += `,"action_id":${JSON.stringify(action_id)}`;
    if (proposal_id !== undefined) line += `,"proposal_id":${JSON.stringify(proposal_id)}`;
    this.#file.append(
      `${line},"data":${data === undefined ? '{}' : JSON.stringify(data)},"timestamp":"${timestamp()}"}`,
    );
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
