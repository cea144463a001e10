/** Bounds of retries. */
export interface Retries {
  /** The most attempts of a request. */
  attempts: number;
  /** The most time for all attempts, in milliseconds. */
  deadlineMs: number;
  /** The time limit of one attempt, in milliseconds. */
  attemptMs: number;
  /** The first backoff; it doubles with each attempt, up to `longestMs`. */
  backoffMs: number;
  longestMs: number;
}

export const RETRIES: Retries = { attempts: 6, deadlineMs: 30_000, attemptMs: 10_000, backoffMs: 100, longestMs: 5_000 };

/**
 * The wait before the next attempt, or `undefined` if there is none within the bounds.
 *
 * The wait is at least `Retry-After`. Jitter comes on top: clients that were turned away together would return together.
 */
export function nextWait(
  retries: Retries,
  attempt: number,
  elapsedMs: number,
  retryAfterMs: number | undefined,
  random: () => number = Math.random,
): number | undefined {
  if (attempt >= retries.attempts) return undefined;
  const backoff = Math.min(retries.backoffMs * 2 ** (attempt - 1), retries.longestMs);
  const wait = retryAfterMs === undefined ? backoff * random() : retryAfterMs + backoff * random();
  return elapsedMs + wait < retries.deadlineMs ? wait : undefined;
}

/** The value of a `Retry-After` header in milliseconds: seconds, or a date. */
export function retryAfterMs(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null || header.trim() === "") return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
