// Days of UTC that only go forward: a clock that is set back gives nothing back.
const dayMs = 24 * 60 * 60 * 1_000;

export function dayAt(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}

export function laterDay(one: string, other: string): string {
  return one > other ? one : other;
}

/** The first moment after a day. */
export function endOfDay(day: string): Date {
  return new Date(Date.parse(`${day}T00:00:00.000Z`) + dayMs);
}
