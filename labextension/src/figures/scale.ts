/** Axes: from numbers to pixels, and the round numbers to write beside them. */

export interface Scale {
  readonly log: boolean;
  readonly from: number;
  readonly to: number;
  /** Where a value lies between 0 and 1; NaN for what the axis cannot show. */
  at(value: number): number;
  readonly ticks: readonly number[];
}

/** The smallest and largest finite value, or null where there is none. */
export function extent(
  values: Iterable<number>,
  positiveOnly = false
): [number, number] | null {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (Number.isFinite(value) && (!positiveOnly || value > 0)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low <= high ? [low, high] : null;
}

/** Round steps (1, 2 or 5 times a power of ten) inside an interval. */
export function niceTicks(low: number, high: number, count: number): number[] {
  if (!(high > low)) {
    return [low];
  }
  // Divided first: the full width of two huge numbers would be infinite.
  const rough = high / Math.max(1, count) - low / Math.max(1, count);
  const power = Math.pow(10, Math.floor(Math.log10(rough)));
  const part = rough / power;
  const step = (part > 7 ? 10 : part > 3.5 ? 5 : part > 1.5 ? 2 : 1) * power;
  if (!(step > 0)) {
    return [low];
  }
  const ticks: number[] = [];
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  for (let index = first; index <= last && ticks.length < 50; index++) {
    // Through a decimal text, because 3 * 0.1 is not 0.3; a bare -0 becomes 0.
    ticks.push(Number((index * step).toPrecision(12)) + 0);
  }
  return ticks;
}

/** An axis with equal steps; a single value lies in the middle of a small interval. */
export function linearScale(low: number, high: number, count: number): Scale {
  let from = Math.max(-Number.MAX_VALUE, low);
  let to = Math.min(Number.MAX_VALUE, high);
  if (!(to > from)) {
    const around = Math.abs(low) * 0.1 || 1;
    from = low - around;
    to = high + around;
  }
  const width = to - from;
  return {
    log: false,
    from,
    to,
    // Halved first: the full width of two huge numbers would be infinite.
    at: value =>
      Number.isFinite(value)
        ? Number.isFinite(width)
          ? (value - from) / width
          : (value / 2 - from / 2) / (to / 2 - from / 2)
        : NaN,
    ticks: niceTicks(from, to, count)
  };
}

/** A logarithmic axis over positive numbers. */
export function logScale(low: number, high: number, count: number): Scale {
  let from = Math.log10(low);
  let to = Math.log10(high);
  if (!(to > from)) {
    from -= 0.5;
    to += 0.5;
  }
  return {
    log: true,
    from: Math.pow(10, from),
    to: Math.pow(10, to),
    at: value => (value > 0 ? (Math.log10(value) - from) / (to - from) : NaN),
    ticks: logTicks(from, to, count)
  };
}

function logTicks(from: number, to: number, count: number): number[] {
  const decades = to - from;
  // Less than a decade: powers of ten would leave the axis empty.
  const factors =
    decades > count ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 3, 5, 7];
  const every = Math.max(1, Math.ceil(decades / Math.max(1, count)));
  const ticks: number[] = [];
  for (let power = Math.floor(from); power <= Math.ceil(to); power++) {
    if (power % every !== 0 && every > 1) {
      continue;
    }
    for (const factor of factors) {
      const place = power + Math.log10(factor);
      if (place >= from - 1e-9 && place <= to + 1e-9) {
        ticks.push(Number((factor * Math.pow(10, power)).toPrecision(6)));
      }
    }
  }
  if (ticks.length < 2) {
    return niceTicks(Math.pow(10, from), Math.pow(10, to), count);
  }
  return ticks;
}
