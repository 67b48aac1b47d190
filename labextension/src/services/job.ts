/** Long work of the server, as whoever waits for it sees it. */

import { Job, jobsCancel, jobsGet, JobAccepted, Requester } from './api';
import { Problem } from './problem';

/** Short work is seen at once, long work is asked about less and less often. */
const FIRST_WAIT_MS = 60;
const LONGEST_WAIT_MS = 1000;
const SLOWER = 1.5;

/** How far a job is. */
export interface Progress {
  /** From 0 to 1; null where it cannot be told. */
  readonly share: number | null;
}

/**
 * The result of a job, once it is done; rejects with what went wrong, or that it was cancelled.
 *
 * Whoever aborts the signal cancels the job.
 */
export async function resultOf<T>(
  request: Requester,
  accepted: JobAccepted,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void
): Promise<T> {
  const { id } = accepted;
  for (
    let wait = FIRST_WAIT_MS;
    ;
    wait = Math.min(wait * SLOWER, LONGEST_WAIT_MS)
  ) {
    await pause(wait, signal);
    if (signal.aborted) {
      // Who cancels waits for nothing: a job that has ended meanwhile is as good.
      void jobsCancel(request, { id }).catch(() => undefined);
      throw cancelled();
    }
    const job = await jobsGet(request, { id });
    switch (job.status) {
      case 'queued':
      case 'running':
        onProgress({ share: job.progress });
        break;
      case 'done':
        return job.result as T;
      case 'cancelled':
        throw cancelled();
      case 'failed':
      case 'interrupted':
        throw failureOf(job);
    }
  }
}

export const cancelled = (): Problem =>
  new Problem('refused', 'It was cancelled.', { code: 'cancelled' });

function failureOf({ error }: Job): Problem {
  const told = (error ?? {}) as {
    code?: string;
    message?: string;
    hint?: string | null;
    details?: Record<string, unknown> | null;
  };
  return new Problem('refused', told.message ?? 'It failed.', {
    code: told.code,
    hint: told.hint ?? null,
    details: told.details ?? null
  });
}

const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise(done => {
    const timer = setTimeout(end, milliseconds);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      done();
    }
    signal.addEventListener('abort', end);
    if (signal.aborted) {
      end();
    }
  });
