/** How often to look, and how long to wait at most while the server does not answer. */
export interface IPollFrequency {
  readonly interval: number;
  readonly backoff: boolean;
  readonly max: number;
}

/** Polls happen only where somebody looks: who does should see within this time that the server is back. */
const LONGEST_MS = 10_000;

/** The frequency of polls for a setting in seconds; 0 is never. */
export function pollFrequency(seconds: number): IPollFrequency {
  // Infinity is what Lumino calls Poll.NEVER; it refuses a maximum below the interval.
  const interval = seconds > 0 ? seconds * 1000 : Infinity;
  return {
    interval,
    backoff: true,
    max: seconds > 0 ? Math.max(interval, LONGEST_MS) : LONGEST_MS
  };
}
