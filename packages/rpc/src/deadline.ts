// Deadlines of a second and more, on one coarse wheel: arming and disarming one costs a set entry instead of a timer.

const tickMs = 50;
/** Below this a timer of its own is exact enough to matter. */
const minWheelMs = 1_000;

/** Something that happens at a time unless it is cancelled first. */
export interface Deadline {
  cancel(): void;
}

class WheelEntry implements Deadline {
  readonly #slot: Set<WheelEntry>;
  readonly expire: () => void;

  constructor(slot: Set<WheelEntry>, expire: () => void) {
    this.#slot = slot;
    this.expire = expire;
    slot.add(this);
  }

  cancel(): void {
    if (this.#slot.delete(this)) armed--;
  }
}

class TimerEntry implements Deadline {
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(delayMs: number, expire: () => void) {
    this.#timer = setTimeout(expire, delayMs);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}

/** Slots by tick number. Cancelling leaves an empty one behind, which is swept away or turned over, whichever is first:
 *  otherwise a caller with deadlines of many lengths would fill a slot for every tick of the years to come. */
const slots = new Map<number, Set<WheelEntry>>();
const minSweptSlots = 1_024;
let sweepAtSlots = minSweptSlots;
let armed = 0;
let lastTick = 0;
let ticker: ReturnType<typeof setInterval> | undefined;

/** Calls `expire` after `delayMs`, at most 50 ms late for a second and more, unless cancelled first. */
export function startDeadline(delayMs: number, expire: () => void): Deadline {
  if (delayMs < minWheelMs) return new TimerEntry(delayMs, expire);
  const now = performance.now();
  if (!ticker) {
    lastTick = Math.floor(now / tickMs);
    ticker = setInterval(turnWheel, tickMs);
  }
  const slot = slotOf(Math.ceil((now + delayMs) / tickMs));
  armed++;
  return new WheelEntry(slot, expire);
}

/** Slots held now; at most twice as many as deadlines, plus a constant. For tests. */
export function wheelSlots(): number {
  return slots.size;
}

function slotOf(tick: number): Set<WheelEntry> {
  let slot = slots.get(tick);
  if (slot) return slot;
  if (slots.size >= sweepAtSlots) sweep();
  slot = new Set();
  slots.set(tick, slot);
  return slot;
}

function sweep(): void {
  for (const [tick, slot] of slots) if (slot.size === 0) slots.delete(tick);
  sweepAtSlots = Math.max(minSweptSlots, slots.size * 2);
}

function turnWheel(): void {
  const tick = Math.floor(performance.now() / tickMs);
  while (lastTick < tick) {
    lastTick++;
    const slot = slots.get(lastTick);
    if (!slot) continue;
    slots.delete(lastTick);
    for (const entry of slot) {
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
function expireEntry(entry: WheelEntry): void {
  try {
    entry.expire();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
