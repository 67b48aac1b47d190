/** Time as people say it: coarse, and in numbers that a translator can place in words. */

export type Unit = 'now' | 'second' | 'minute' | 'hour' | 'day' | 'date';

export interface Ago {
  readonly unit: Unit;
  readonly count: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago an instant was; beyond a week only the date means something. */
export function ago(then: number, now: number): Ago {
  const past = now - then;
  if (past < 5 * SECOND) {
    return { unit: 'now', count: 0 };
  }
  if (past < MINUTE) {
    return { unit: 'second', count: Math.floor(past / SECOND) };
  }
  if (past < HOUR) {
    return { unit: 'minute', count: Math.floor(past / MINUTE) };
  }
  if (past < DAY) {
    return { unit: 'hour', count: Math.floor(past / HOUR) };
  }
  if (past < 7 * DAY) {
    return { unit: 'day', count: Math.floor(past / DAY) };
  }
  return { unit: 'date', count: 0 };
}

/** A duration in its two largest units: `1 h 04 min`, `3 min 20 s`, `4.2 s`, `120 ms`. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) {
    return '';
  }
  if (ms < SECOND) {
    return ms < 1 ? '< 1 ms' : `${Math.round(ms)} ms`;
  }
  if (ms < 10 * SECOND) {
    return `${(ms / SECOND).toFixed(1)} s`;
  }
  if (ms < MINUTE) {
    return `${Math.floor(ms / SECOND)} s`;
  }
  if (ms < HOUR) {
    return `${Math.floor(ms / MINUTE)} min ${pad((ms % MINUTE) / SECOND)} s`;
  }
  if (ms < DAY) {
    return `${Math.floor(ms / HOUR)} h ${pad((ms % HOUR) / MINUTE)} min`;
  }
  return `${Math.floor(ms / DAY)} d ${pad((ms % DAY) / HOUR)} h`;
}

const pad = (value: number): string =>
  String(Math.floor(value)).padStart(2, '0');
