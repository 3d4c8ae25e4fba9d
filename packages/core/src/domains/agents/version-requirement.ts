// `car_min_version` of a manifest: `0.8.1` means at least that; else requirements parted by commas, `>=0.8, <0.9`.

type Triple = readonly [number, number, number];

/** Whether a version meets a requirement; `undefined` when the requirement cannot be read. */
export function accepts(requirement: string, version: string): boolean | undefined {
  const actual = parseTriple(version);
  const parts = requirement.split(',').map((part) => /^\s*(>=|<=|>|<|=|\^|~)?\s*v?(\S+)\s*$/.exec(part));
  const tests = parts.map((match) => {
    const wanted = parseTriple(match?.[2] ?? '');
    return wanted && actual && test(match?.[1] ?? '>=', actual, wanted);
  });
  return tests.some((each) => each === undefined) ? undefined : tests.every(Boolean);
}

function test(operator: string, actual: Triple, wanted: Triple): boolean {
  const order = compare(actual, wanted);
  switch (operator) {
    case '>=':
      return order >= 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '<':
      return order < 0;
    case '=':
      return order === 0;
    case '~':
      return order >= 0 && actual[0] === wanted[0] && actual[1] === wanted[1];
    default:
      // ^: up to the next change of the first number that is not 0.
      return order >= 0 && actual[0] === wanted[0] && (wanted[0] > 0 || actual[1] === wanted[1]);
  }
}

function compare(left: Triple, right: Triple): number {
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

/** What follows a dash or a plus sign orders nothing here. */
function parseTriple(text: string): Triple | undefined {
  const match = /^(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:[-+][0-9A-Za-z.+-]*)?$/.exec(text);
  return match ? [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)] : undefined;
}
