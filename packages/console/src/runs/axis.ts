/** Round points on an axis of so many ms, from 0 on; about five. */
export function ticksOf(lengthMs: number): number[] {
  if (!(lengthMs > 0) || !Number.isFinite(lengthMs)) return [0];
  const rough = lengthMs / 4;
  const step = steps.find((each) => each >= rough) ?? Math.ceil(rough / dayMs) * dayMs;
  const ticks: number[] = [];
  // None so close to the end that it would be cut off.
  for (let ms = 0; ms <= lengthMs * 0.95 && ticks.length < 10; ms += step) ticks.push(ms);
  return ticks;
}

const dayMs = 86_400_000;
const steps = [
  0.1,
  0.2,
  0.5,
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  1_000,
  2_000,
  5_000,
  10_000,
  20_000,
  30_000,
  60_000,
  120_000,
  300_000,
  600_000,
  1_200_000,
  1_800_000,
  3_600_000,
  7_200_000,
  14_400_000,
  28_800_000,
  43_200_000,
  dayMs,
];
