/** The bars of a histogram, and the numbers beside them. */

import { formatShort } from './numbers';
import { ChartSize, Frame, frameOf, Tick } from './overlay';
import { extent, linearScale } from './scale';

export interface Bar {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Bars {
  readonly bars: readonly Bar[];
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly frame: Frame;
  readonly low: number;
  readonly high: number;
  /** All counts together. */
  readonly total: number;
}

/** Bars between edges, on axes that hold all edges and counts given. */
export function barsOf(
  edges: readonly number[],
  counts: readonly number[],
  allEdges: readonly number[],
  allCounts: readonly number[],
  size: ChartSize
): Bars {
  const around = frameOf(size, 72);
  // Room below the ticks for what the axis is about.
  const frame = { ...around, bottom: around.bottom - 16 };
  const wide = frame.right - frame.left;
  const tall = frame.bottom - frame.top;
  const [low, high] = extent(allEdges) ?? [0, 1];
  const top = (extent(allCounts) ?? [0, 1])[1];
  const x = linearScale(low, high, Math.max(2, Math.floor(wide / 90)));
  const y = linearScale(
    0,
    top > 0 ? top : 1,
    Math.max(2, Math.floor(tall / 34))
  );
  const leftOf = (value: number): number => frame.left + wide * x.at(value);
  const topOf = (value: number): number => frame.bottom - tall * y.at(value);
  const bars = counts.flatMap((count, index): Bar[] => {
    const [from, to] = [edges[index], edges[index + 1]];
    const [left, right] = [leftOf(from), leftOf(to)];
    if (![left, right, count].every(Number.isFinite)) {
      return [];
    }
    const wideEnough = right - left > 3 ? right - left - 1 : right - left;
    return [
      {
        low: from,
        high: to,
        count,
        x: left,
        y: topOf(count),
        width: Math.max(0.5, wideEnough),
        height: Math.max(0, frame.bottom - topOf(count))
      }
    ];
  });
  return {
    bars,
    xTicks: x.ticks.map(value => ({
      at: leftOf(value),
      value,
      label: formatShort(value)
    })),
    yTicks: y.ticks.map(value => ({
      at: topOf(value),
      value,
      label: formatShort(value)
    })),
    frame,
    low,
    high,
    total: counts.filter(Number.isFinite).reduce((sum, one) => sum + one, 0)
  };
}
