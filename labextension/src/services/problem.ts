/** What can go wrong between panel and server, as one type. */

/**
 * - `offline`: nobody answers; what is shown may be old.
 * - `missing`: a Jupyter Server answers, but nbproof's extension is not there (or older than this panel).
 * - `denied`: the session may not do this, usually because the login ran out.
 * - `refused`: the server understood and said no; its message and hint are for the user.
 * - `broken`: anything else.
 */
export type ProblemKind =
  'offline' | 'missing' | 'denied' | 'refused' | 'broken';

/** A request that did not succeed. */
export class Problem extends Error {
  constructor(
    readonly kind: ProblemKind,
    message: string,
    options: Problem.IOptions = {}
  ) {
    super(message);
    this.name = 'Problem';
    this.status = options.status ?? 0;
    this.code = options.code ?? kind;
    this.hint = options.hint ?? null;
    this.details = options.details ?? null;
  }

  readonly status: number;
  readonly code: string;
  readonly hint: string | null;
  readonly details: Readonly<Record<string, unknown>> | null;
}

export namespace Problem {
  export interface IOptions {
    status?: number;
    code?: string;
    hint?: string | null;
    details?: Readonly<Record<string, unknown>> | null;
  }
}

/** What a server that is about to stop gives as the reason of its refusals. */
const STOPPING = 'stopping';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null;

/** Read the answer to a failed request: the status and, where there is one, the body's text. */
export function problemOf(status: number, body: string): Problem {
  let parsed: unknown = null;
  try {
    parsed = JSON.parse(body);
  } catch {
    // A proxy's HTML page, or nothing: the status has to do.
  }
  const error =
    isRecord(parsed) && isRecord(parsed.error) ? parsed.error : null;
  if (error !== null) {
    const details = isRecord(error.details) ? error.details : null;
    const kind: ProblemKind =
      status === 401 || status === 403
        ? 'denied'
        : details?.reason === STOPPING
          ? 'offline'
          : status >= 500
            ? 'broken'
            : 'refused';
    return new Problem(kind, textOf(error.message) ?? `HTTP ${status}`, {
      status,
      code: textOf(error.code) ?? undefined,
      hint: textOf(error.hint),
      details
    });
  }
  const message =
    (isRecord(parsed) ? textOf(parsed.message) : null) ?? `HTTP ${status}`;
  if (status === 404 || status === 405) {
    // Jupyter's own "not found" has no `error` object: the route itself is unknown.
    return new Problem('missing', message, { status });
  }
  if (status === 401 || status === 403) {
    return new Problem('denied', message, { status });
  }
  if (status === 502 || status === 503 || status === 504) {
    return new Problem('offline', message, { status });
  }
  return new Problem('broken', message, { status });
}

/** Whatever was thrown, as a Problem. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) {
    return thrown;
  }
  return new Problem(
    'broken',
    thrown instanceof Error ? thrown.message : String(thrown)
  );
}

/** The place (from 0) in a search text at which the server stumbled, or null; it counts from 1. */
export function problemColumn(problem: Problem): number | null {
  const column = problem.details?.column;
  return typeof column === 'number' && Number.isInteger(column) && column >= 1
    ? column - 1
    : null;
}
