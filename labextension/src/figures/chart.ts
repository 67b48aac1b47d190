import { extent, linearScale, logScale, niceTicks, Scale } from './scale';
import { linePath, Place } from './line';

/** One point of a metric: NaN and ±infinity are values too. */
export interface Point {
  readonly step: number;
  readonly time: number;
  readonly value: number;
}

export type Across = 'step' | 'time';

export interface ChartSize {
  readonly width: number;
  readonly height: number;
}

/** What a line chart draws: worked out once, so that drawing holds no rule. */
export interface Chart {
  readonly places: readonly Place[];
  readonly path: string;
  readonly xTicks: readonly { readonly at: number; readonly value: number }[];
  readonly yTicks: readonly { readonly at: number; readonly value: number }[];
  /** Points without a neighbour to draw a line to. */
  readonly alone: readonly number[];
  /** Points the axes cannot show: not finite, or not positive under a logarithm. */
  readonly hidden: readonly number[];
  readonly frame: {
    readonly left: number;
    readonly right: number;
    readonly top: number;
    readonly bottom: number;
  };
}

const MARGIN = { left: 52, right: 12, top: 10, bottom: 22 };

export function chartOf(
  points: readonly Point[],
  across: Across,
  log: boolean,
  size: ChartSize
): Chart {
  const frame = {
    left: MARGIN.left,
    right: Math.max(MARGIN.left + 1, size.width - MARGIN.right),
    top: MARGIN.top,
    bottom: Math.max(MARGIN.top + 1, size.height - MARGIN.bottom)
  };
  const start = points.length > 0 ? points[0].time : 0;
  const xOf = (point: Point): number =>
    across === 'step' ? point.step : (point.time - start) / 1000;
  const xRange = extent(points.map(xOf)) ?? [0, 1];
  const yRange = extent(
    points.map(point => point.value),
    log
  ) ?? [log ? 1 : 0, log ? 10 : 1];

  const wide = frame.right - frame.left;
  const high = frame.bottom - frame.top;
  const xCount = Math.max(2, Math.floor(wide / 56));
  const yCount = Math.max(2, Math.floor(high / 28));
  const x = axisAcross(xRange, xCount, across);
  const y = log
    ? logScale(yRange[0], yRange[1], yCount)
    : withAir(yRange, yCount);

  const places = points.map(point => ({
    x: frame.left + wide * x.at(xOf(point)),
    y: frame.bottom - high * y.at(point.value)
  }));
  return {
    places,
    path: linePath(places),
    xTicks: x.ticks.map(value => ({
      at: frame.left + wide * x.at(value),
      value
    })),
    yTicks: y.ticks.map(value => ({
      at: frame.bottom - high * y.at(value),
      value
    })),
    alone: places.flatMap((place, index) =>
      Number.isFinite(place.y) &&
      !Number.isFinite(places.at(index + 1)?.y ?? NaN) &&
      !Number.isFinite(index > 0 ? places[index - 1].y : NaN)
        ? [index]
        : []
    ),
    hidden: places.flatMap((place, index) =>
      Number.isFinite(place.y) ? [] : [index]
    ),
    frame
  };
}

function axisAcross(
  [low, high]: [number, number],
  count: number,
  across: Across
): Scale {
  const scale = linearScale(low, high, count);
  if (across === 'time' || !(high > low)) {
    return high > low ? scale : { ...scale, ticks: [low] };
  }
  // Half a step means nothing: only whole numbers are written under the axis.
  const whole = niceTicks(low, high, count).filter(Number.isInteger);
  return { ...scale, ticks: whole.length > 0 ? whole : [low, high] };
}

/** A little air above and below, so that a flat line does not lie on the frame. */
function withAir([low, high]: [number, number], count: number): Scale {
  const air = (high / 2 - low / 2) * 0.1;
  return linearScale(low - air, high + air, count);
}
