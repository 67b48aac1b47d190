/** Several runs' courses of one metric over each other. */

import { linePath, Place } from './line';
import { formatShort } from './numbers';
import { extent, linearScale, logScale, niceTicks } from './scale';
import { smooth } from './smooth';

/** One point of a metric: NaN and ±infinity are values too. */
export interface Point {
  readonly step: number;
  readonly time: number;
  readonly value: number;
}

export interface ChartSize {
  readonly width: number;
  readonly height: number;
}

/** Steps, the clock on the wall, or time since the run began. */
export type Axis = 'step' | 'time' | 'relative';

/** A stretch of an axis: steps, milliseconds since 1970, or seconds since the run began. */
export type Range = readonly [number, number];

export interface Series {
  readonly id: string;
  readonly points: readonly Point[];
  /** What time since the run began counts from, in milliseconds. */
  readonly origin: number;
}

export interface OverlayOptions {
  readonly axis: Axis;
  readonly isLog: boolean;
  /** From 0 to below 1; see `smooth`. */
  readonly smoothing: number;
  /** The part of the axis that is shown; null shows all. */
  readonly zoom: Range | null;
}

export interface OverlayLine {
  readonly id: string;
  readonly path: string;
  /** The values as logged, where `path` is smoothed; else empty. */
  readonly faint: string;
  readonly xs: readonly number[];
  readonly values: readonly number[];
  readonly places: readonly Place[];
  /** Indices of points without neighbours, which a line can't show. */
  readonly alone: readonly number[];
  /** Points the axes cannot show: not finite, or not positive under a logarithm. */
  readonly hidden: readonly number[];
}

export interface Tick {
  readonly at: number;
  readonly value: number;
  readonly label: string;
}

export interface Overlay {
  readonly lines: readonly OverlayLine[];
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly frame: Frame;
  /** What lies under a horizontal position. */
  readonly xAt: (left: number) => number;
  readonly leftOf: (x: number) => number;
  readonly xRange: Range;
  /** Where all lines lie, zoomed or not. */
  readonly whole: Range;
}

export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const MARGIN = { left: 54, right: 14, top: 10, bottom: 24 };

export function frameOf(size: ChartSize, left = MARGIN.left): Frame {
  return {
    left,
    right: Math.max(left + 1, size.width - MARGIN.right),
    top: MARGIN.top,
    bottom: Math.max(MARGIN.top + 1, size.height - MARGIN.bottom)
  };
}

export function overlayOf(
  series: readonly Series[],
  options: OverlayOptions,
  size: ChartSize
): Overlay {
  const { axis, isLog, smoothing, zoom } = options;
  const frame = frameOf(size);
  const wide = frame.right - frame.left;
  const high = frame.bottom - frame.top;
  const all = series.map(({ id, points, origin }) => ({
    id,
    xs: points.map(point => xOf(point, axis, origin)),
    raw: points.map(point => point.value),
    values: smooth(
      points.map(point => point.value),
      smoothing
    )
  }));
  const whole = extent(all.flatMap(one => one.xs)) ?? [0, 1];
  const xRange = zoom ?? whole;
  const inView = (x: number): boolean => x >= xRange[0] && x <= xRange[1];
  const ySeen = all.flatMap(one =>
    // The smoothed line decides where there is one: one outlier must not flatten it.
    one.values.filter((_, index) => inView(one.xs[index]))
  );
  const yRange = extent(ySeen, isLog) ?? [isLog ? 1 : 0, isLog ? 10 : 1];
  const air = isLog ? 0 : (yRange[1] / 2 - yRange[0] / 2) * 0.1;
  const yCount = Math.max(2, Math.floor(high / 30));
  const y = isLog
    ? logScale(yRange[0], yRange[1], yCount)
    : linearScale(yRange[0] - air, yRange[1] + air, yCount);
  const x = linearScale(xRange[0], xRange[1], 2);

  const leftOf = (value: number): number => frame.left + wide * x.at(value);
  const topOf = (value: number): number => frame.bottom - high * y.at(value);
  return {
    lines: all.map(({ id, xs, raw, values }) => {
      const [from, to] = around(xs, xRange, zoom !== null);
      const place = (value: number, index: number): Place => ({
        x: leftOf(xs[from + index]),
        y: topOf(value)
      });
      const shown = values.slice(from, to);
      const places = shown.map(place);
      return {
        id,
        path: linePath(places),
        faint: smoothing > 0 ? linePath(raw.slice(from, to).map(place)) : '',
        xs: xs.slice(from, to),
        values: shown,
        places,
        alone: places.flatMap((one, index) =>
          Number.isFinite(one.y) &&
          !Number.isFinite(places.at(index + 1)?.y ?? NaN) &&
          !Number.isFinite(index > 0 ? places[index - 1].y : NaN)
            ? [index]
            : []
        ),
        hidden: places.flatMap((one, index) =>
          Number.isFinite(one.y) ? [] : [index]
        )
      };
    }),
    xTicks: axisTicks(xRange, Math.max(2, Math.floor(wide / 72)), axis).map(
      tick => ({ ...tick, at: leftOf(tick.value) })
    ),
    yTicks: y.ticks.map(value => ({
      at: topOf(value),
      value,
      label: formatShort(value)
    })),
    frame,
    leftOf,
    xAt: left => x.from + ((left - frame.left) / wide) * (x.to - x.from),
    xRange: [x.from, x.to],
    whole
  };
}

/** Where a point stands on an axis: a step, milliseconds since 1970, or seconds since the run began. */
export function xOf(point: Point, axis: Axis, origin: number): number {
  switch (axis) {
    case 'step':
      return point.step;
    case 'time':
      return point.time;
    case 'relative':
      return (point.time - origin) / 1000;
  }
}

/** Points of the whole course, but for a stretch of it, where those are taken that lie closer. */
export function withCloser(
  points: readonly Point[],
  closer: readonly Point[],
  [low, high]: Range,
  at: (point: Point) => number
): readonly Point[] {
  if (closer.length === 0) {
    return points;
  }
  return [
    ...points.filter(point => at(point) < low),
    ...closer,
    ...points.filter(point => at(point) > high)
  ];
}

/** The same stretch further on or back, inside the whole. */
export function panned(
  [low, high]: Range,
  by: number,
  whole: Range
): [number, number] {
  const bounded = Math.max(whole[0] - low, Math.min(whole[1] - high, by));
  return [low + bounded, high + bounded];
}

/** A stretch wider or narrower by a factor around a place; null where that is the whole. */
export function zoomed(
  [low, high]: Range,
  factor: number,
  around: number,
  whole: Range
): [number, number] | null {
  const from = Math.max(whole[0], around - (around - low) * factor);
  const to = Math.min(whole[1], around + (high - around) * factor);
  return from <= whole[0] && to >= whole[1] ? null : [from, to];
}

/** The part of a zoomed line that is seen, and one point beyond at each end. */
function around(
  xs: readonly number[],
  [low, high]: Range,
  isZoomed: boolean
): [number, number] {
  if (!isZoomed) {
    return [0, xs.length];
  }
  let from = xs.length;
  let to = 0;
  for (const [index, x] of xs.entries()) {
    if (x >= low && x <= high) {
      from = Math.min(from, index);
      to = Math.max(to, index + 1);
    }
  }
  if (from >= to) {
    // Nothing inside: the two points around draw the line that passes through.
    const after = xs.findIndex(x => x > high);
    return after > 0 ? [after - 1, after + 1] : [0, 0];
  }
  return [Math.max(0, from - 1), Math.min(xs.length, to + 1)];
}

/** Index of the point nearest to a place on the axis; -1 where there is none. */
export function nearestIndex(xs: readonly number[], x: number): number {
  let best = -1;
  let distance = Infinity;
  for (const [index, one] of xs.entries()) {
    const gap = Math.abs(one - x);
    if (gap < distance) {
      best = index;
      distance = gap;
    }
  }
  return best;
}

const SECOND = 1000;
const SPANS = [
  { unit: 'd', seconds: 86_400 },
  { unit: 'h', seconds: 3600 },
  { unit: 'min', seconds: 60 },
  { unit: 's', seconds: 1 }
] as const;

function axisTicks(
  [low, high]: Range,
  count: number,
  axis: Axis
): { value: number; label: string }[] {
  if (!(high > low)) {
    return [{ value: low, label: axisLabel(low, axis, 0) }];
  }
  if (axis === 'step') {
    const whole = niceTicks(low, high, count).filter(Number.isInteger);
    return (whole.length > 0 ? whole : [low, high]).map(value => ({
      value,
      label: formatShort(value)
    }));
  }
  const span = (high - low) / (axis === 'time' ? SECOND : 1);
  const { seconds } =
    SPANS.find(one => span >= 2 * one.seconds) ?? SPANS[SPANS.length - 1];
  const unit = seconds * (axis === 'time' ? SECOND : 1);
  // The wall's clock is read in the reader's own time zone: whole hours there, not in UTC.
  const shift =
    axis === 'time' ? new Date(low).getTimezoneOffset() * 60 * SECOND : 0;
  return niceTicks((low - shift) / unit, (high - shift) / unit, count).map(
    at => {
      const value = at * unit + shift;
      return { value, label: axisLabel(value, axis, span) };
    }
  );
}

/** A place on the axis in words; `span` is how many seconds the axis covers. */
export function axisLabel(value: number, axis: Axis, span: number): string {
  switch (axis) {
    case 'step':
      return formatShort(value);
    case 'relative': {
      const { unit, seconds } =
        SPANS.find(one => span >= 2 * one.seconds) ?? SPANS[SPANS.length - 1];
      return `${formatShort(value / seconds)} ${unit}`;
    }
    case 'time': {
      const date = new Date(value);
      const hasDays = span >= 2 * 86_400;
      return date.toLocaleString(
        undefined,
        hasDays
          ? { month: 'short', day: 'numeric' }
          : {
              hour: '2-digit',
              minute: '2-digit',
              ...(span < 600 ? { second: '2-digit' } : {})
            }
      );
    }
  }
}
