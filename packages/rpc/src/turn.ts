// Work gathered during one event-loop turn and done once at its end: storage first, then sockets. So an answer never
// leaves before the bytes it acknowledges were handed to the operating system, and each costs one system call a turn.

/** Something with work to do when the turn ends. Enlist it once per turn; it may be enlisted again from `endTurn`. */
export interface TurnParticipant {
  endTurn(): void;
}

let storage: TurnParticipant[] = [];
let network: TurnParticipant[] = [];
let isScheduled = false;

// setImmediate runs right after the poll phase that delivered the input, so a lone request waits for nothing.
const schedule: (run: () => void) => void =
  typeof setImmediate === 'function' ? (run) => void setImmediate(run) : (run) => void setTimeout(run, 0);

/** Calls `participant.endTurn()` once at the end of this event-loop turn. */
export function atEndOfTurn(phase: 'storage' | 'network', participant: TurnParticipant): void {
  (phase === 'storage' ? storage : network).push(participant);
  if (isScheduled) return;
  isScheduled = true;
  schedule(endTurn);
}

/** Does the storage work of this turn now. Whoever sends before the turn ends calls it first. */
export function settleStorage(): void {
  if (storage.length === 0) return;
  const writers = storage;
  storage = [];
  runAll(writers);
}

function endTurn(): void {
  isScheduled = false;
  settleStorage();
  const senders = network;
  network = [];
  runAll(senders);
}

function runAll(participants: TurnParticipant[]): void {
  for (const participant of participants) {
    try {
      participant.endTurn();
    } catch (error) {
      // One participant's fault must not keep the others' bytes back; it is still a bug, so it surfaces.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
