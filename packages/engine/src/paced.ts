/** Work of many steps that gives way to other work. */
const MAX_BUSY_MS = 5;

/** Takes all steps: at once when they are quick, else with other work in between, and then it answers a promise. */
export function paced(steps: Iterator<void>): Promise<void> | undefined {
  return takeSome(steps) ? undefined : takeRest(steps);
}

async function takeRest(steps: Iterator<void>): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve));
  while (!takeSome(steps));
}

/** Whether there are no more. */
function takeSome(steps: Iterator<void>): boolean {
  const until = performance.now() + MAX_BUSY_MS;
  do if (steps.next().done === true) return true;
  while (performance.now() < until);
  return false;
}
