let lastMs = 0;
let lastText = '';

/** Now, as RFC 3339 in UTC with milliseconds. Formatted once per millisecond: a busy journal asks far more often. */
export function timestamp(): string {
  const now = Date.now();
  if (now !== lastMs) {
    lastMs = now;
    lastText = new Date(now).toISOString();
  }
  return lastText;
}
