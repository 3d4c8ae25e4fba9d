/** What the events of one proposal are about. */
import { EventSubject } from './execution.ts';
import type { Action, Proposal } from './proposal.ts';

/** One subject for each action, made with its first event and shared by all who emit some. */
export class EventSubjects {
  readonly proposal: Proposal;
  /** Of the common proposal, which has one action, the whole table. */
  #last: EventSubject | undefined;
  #byId: Map<string, EventSubject> | undefined;

  constructor(proposal: Proposal) {
    this.proposal = proposal;
  }

  /** Every event of an action says its tool, so that queries by tool find all of them. */
  of({ id, type, tool }: Action): EventSubject {
    if (this.#last?.action_id === id) return this.#last;
    let subject = this.#byId?.get(id);
    if (subject === undefined) {
      subject = new EventSubject(id, this.proposal.id, tool === undefined ? { action_type: type } : { tool });
      if (this.proposal.actions.length > 1) (this.#byId ??= new Map()).set(id, subject);
    }
    this.#last = subject;
    return subject;
  }
}
