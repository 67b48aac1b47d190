/** How the values of a column lay and lie, on one axis: shares of rows, so that tables of any size compare. */

import type { ColumnDriftView } from '../services/api';
import { toNumber } from './numbers';
import { extent, linearScale } from './scale';
import { ChartSize, Frame, frameOf, Tick } from './overlay';

/** Two histograms on one axis. */
export interface Paired {
  /** Of numbers the bars' edges, one more than bars; empty where bars are values. */
  readonly edges: readonly number[];
  /** Of values their names; empty where bars are ranges of numbers. */
  readonly labels: readonly string[];
  readonly before: readonly number[];
  readonly now: readonly number[];
  /** The highest share of all. */
  readonly most: number;
}

/** The histograms that a report has of a column; null where it has none. */
export function pairedOf(column: ColumnDriftView): Paired | null {
  const before = column.reference_bars.map(toNumber);
  const now = column.current_bars.map(toNumber);
  const edges = column.edges.map(toNumber);
  const count = edges.length > 0 ? edges.length - 1 : column.labels.length;
  if (count < 1 || before.length !== count || now.length !== count) {
    return null;
  }
  return {
    edges,
    labels: column.labels,
    before,
    now,
    most: Math.max(...before, ...now)
  };
}

/** One of the two in a box: ranges of numbers side by side, values as two thin bars each. */
export interface Drawn {
  /** Filled: what was before. */
  readonly before: string;
  /** Filled: what is now. */
  readonly now: string;
  /** Of ranges the line along the top of what is now; empty for values. */
  readonly outline: string;
}

/** Both histograms as paths in a box from (left, top) to (right, bottom). */
export function drawnIn(
  { edges, before, now, most }: Paired,
  box: Frame,
  top = most
): Drawn {
  const wide = box.right - box.left;
  const tall = box.bottom - box.top;
  const step = wide / before.length;
  const heightOf = (share: number): number =>
    share > 0 && top > 0 ? Math.max(1, (tall * share) / top) : 0;
  const bar = (left: number, width: number, share: number): string => {
    const high = heightOf(share);
    return high > 0
      ? `M${round(left)} ${round(box.bottom)}v${-round(high)}h${round(width)}v${round(high)}z`
      : '';
  };
  if (edges.length > 0) {
    const gap = step > 3 ? 1 : 0;
    const bars = (shares: readonly number[]): string =>
      shares
        .map((share, at) => bar(box.left + at * step, step - gap, share))
        .join('');
    const outline = now
      .map((share, at) => {
        const y = round(box.bottom - heightOf(share));
        return `${at === 0 ? `M${round(box.left)} ${round(box.bottom)}` : ''}V${y}H${round(box.left + (at + 1) * step)}`;
      })
      .join('');
    return {
      before: bars(before),
      now: bars(now),
      outline: `${outline}V${round(box.bottom)}`
    };
  }
  const thin = Math.max(1, Math.min(22, step * 0.4));
  const middle = (at: number): number => box.left + (at + 0.5) * step;
  return {
    before: before
      .map((share, at) => bar(middle(at) - thin, thin, share))
      .join(''),
    now: now.map((share, at) => bar(middle(at), thin, share)).join(''),
    outline: ''
  };
}

/** The same with its axes. */
export interface PairedChart extends Drawn {
  readonly frame: Frame;
  readonly yTicks: readonly Tick[];
  readonly xTicks: readonly Tick[];
  /** Which bar is under a horizontal position; null beside them. */
  readonly barAt: (left: number) => number | null;
  readonly bars: readonly { readonly left: number; readonly width: number }[];
}

/** A chart of both histograms; `label` says what stands at an edge. */
export function pairedChart(
  paired: Paired,
  size: ChartSize,
  label: (value: number) => string
): PairedChart {
  const frame = frameOf(size);
  const { edges, labels, before, most } = paired;
  const wide = frame.right - frame.left;
  const tall = frame.bottom - frame.top;
  const count = before.length;
  const step = wide / count;
  const scale = linearScale(
    0,
    most > 0 ? most * 100 : 1,
    Math.max(2, Math.floor(tall / 40))
  );
  // The scale ends at a round number above the tallest bar.
  const top = most > 0 ? most / scale.at(most * 100) : 1;
  const yTicks = scale.ticks.map(value => ({
    at: frame.bottom - tall * scale.at(value),
    value,
    label: `${value} %`
  }));
  return {
    ...drawnIn(paired, frame, top),
    frame,
    yTicks,
    xTicks:
      edges.length > 0
        ? numberTicks(edges, frame, label)
        : labels.map((name, at) => ({
            at: frame.left + (at + 0.5) * step,
            value: at,
            label: name
          })),
    barAt: left => {
      const at = Math.floor((left - frame.left) / step);
      return at >= 0 && at < count ? at : null;
    },
    bars: before.map((_, at) => ({ left: frame.left + at * step, width: step }))
  };
}

function numberTicks(
  edges: readonly number[],
  frame: Frame,
  label: (value: number) => string
): readonly Tick[] {
  const [low, high] = extent(edges) ?? [0, 1];
  const wide = frame.right - frame.left;
  const many = Math.max(1, Math.floor(wide / 110));
  // Edges of bars are no round numbers; what stands below is where they are.
  return Array.from({ length: many + 1 }, (_, index) => {
    const share = index / many;
    return {
      at: frame.left + wide * share,
      value: share,
      label: label(low + (high - low) * share)
    };
  });
}

/** A share of rows: `12 %`. */
export function partText(share: number): string {
  if (share <= 0) {
    return '0 %';
  }
  if (share < 0.001) {
    return '< 0.1 %';
  }
  return `${Number((share * 100).toFixed(share < 0.1 ? 1 : 0))} %`;
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** Columns that a row of changed values fills: those that differ in any, the first ones. */
export const changedColumns = (
  rows: readonly { readonly values: Readonly<Record<string, unknown>> }[]
): readonly string[] => [
  ...new Set(rows.flatMap(row => Object.keys(row.values)))
];

/** A value as it stands in a cell of a table. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) {
    return '–';
  }
  if (typeof value === 'string') {
    return value === '' ? '""' : value;
  }
  return typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : JSON.stringify(value);
}
