// Deadlines of a second and more, on one coarse wheel: arming and disarming one costs a link in a ring, not a timer.

const tickMs = 50;
/** Below this a timer of its own is exact enough to matter. */
const minWheelMs = 1_000;

/** Something that happens at a time unless it is cancelled first. */
export interface Deadline {
  cancel(): void;
}

/** The ring of deadlines of one tick is closed by the `Link` it began with. One that is cancelled lets go of its
 *  neighbours: once in the old generation, it would keep them until the next full collection. */
class Link {
  previous: Link = this;
  next: Link = this;
}

/** Something with a deadline of its own, which is a link of the wheel itself. */
export abstract class Expiring extends Link implements Deadline {
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;

  /** Called when it was not cancelled in time. */
  abstract expire(): void;

  /** Calls `expire` after `delayMs`, at most 50 ms late for a second and more, unless cancelled first. Once. */
  startDeadline(delayMs: number): void {
    if (delayMs < minWheelMs) {
      this.#timer = setTimeout(() => this.expire(), delayMs);
      return;
    }
    const now = performance.now();
    if (!ticker) {
      lastTick = Math.floor(now / tickMs);
      ticker = setInterval(turnWheel, tickMs);
    }
    const slot = slotOf(Math.ceil((now + delayMs) / tickMs));
    armed++;
    this.previous = slot.previous;
    this.next = slot;
    slot.previous.next = this;
    slot.previous = this;
  }

  cancel(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    if (this.next === this) return;
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.previous = this.next = this;
    armed--;
  }
}

class CallbackDeadline extends Expiring {
  readonly #callback: () => void;

  constructor(callback: () => void) {
    super();
    this.#callback = callback;
  }

  override expire(): void {
    this.#callback();
  }
}

/** Slots by tick number. Cancelling leaves an empty one behind, which is swept away or turned over, whichever is first:
 *  otherwise a caller with deadlines of many lengths would fill a slot for every tick of the years to come. */
const slots = new Map<number, Link>();
const minSweptSlots = 1_024;
let sweepAtSlots = minSweptSlots;
let armed = 0;
let lastTick = 0;
let ticker: ReturnType<typeof setInterval> | undefined;

/** Calls `expire` after `delayMs`, at most 50 ms late for a second and more, unless cancelled first. */
export function startDeadline(delayMs: number, expire: () => void): Deadline {
  const deadline = new CallbackDeadline(expire);
  deadline.startDeadline(delayMs);
  return deadline;
}

/** Slots held now; at most twice as many as deadlines, plus a constant. For tests. */
export function wheelSlots(): number {
  return slots.size;
}

function slotOf(tick: number): Link {
  let slot = slots.get(tick);
  if (slot) return slot;
  if (slots.size >= sweepAtSlots) sweep();
  slot = new Link();
  slots.set(tick, slot);
  return slot;
}

function sweep(): void {
  for (const [tick, slot] of slots) if (slot.next === slot) slots.delete(tick);
  sweepAtSlots = Math.max(minSweptSlots, slots.size * 2);
}

function turnWheel(): void {
  const tick = Math.floor(performance.now() / tickMs);
  while (lastTick < tick) {
    lastTick++;
    const slot = slots.get(lastTick);
    if (!slot) continue;
    slots.delete(lastTick);
    while (slot.next instanceof Expiring) {
      const entry = slot.next;
      entry.cancel();
      expireEntry(entry);
    }
  }
  if (armed > 0) return;
  // Nothing left to wait for: an idle process is not woken, and may end.
  clearInterval(ticker);
  ticker = undefined;
  slots.clear();
}

/** One that throws must not keep the others from expiring; it is still a bug, so it surfaces. */
function expireEntry(entry: Expiring): void {
  try {
    entry.expire();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
