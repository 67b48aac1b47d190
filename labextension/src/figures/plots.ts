/** Plots of runs against each other: parallel coordinates, scatter, boxes. */

import type { Run } from '../services/api';
import { cellOf, Column } from './columns';
import { formatNumber, formatShort } from './numbers';
import { axisLabel, ChartSize, Frame, frameOf, Tick } from './overlay';
import { extent, linearScale, logScale, Scale } from './scale';
import { formatDuration } from './time';

/** One way of measuring runs: by numbers, or by the few words that a column holds. */
export interface Measure {
  readonly column: Column;
  readonly isNumeric: boolean;
  /** The words in their order, where it is no number. */
  readonly words: readonly string[];
  /** A run's place: a number, the index of its word, NaN where it has nothing. */
  readonly valueOf: (run: Run) => number;
  readonly format: (value: number) => string;
}

/** Instants and durations are numbers too, in milliseconds. */
export function measureOf(runs: readonly Run[], column: Column): Measure {
  const isInstant = column.key === 'run.started' || column.key === 'run.ended';
  const read = (run: Run): unknown => {
    const value = cellOf(run, column);
    return isInstant && typeof value === 'string' ? Date.parse(value) : value;
  };
  const values = runs.map(read).filter(value => value !== null);
  const isNumeric =
    values.length > 0 && values.every(value => typeof value === 'number');
  if (isNumeric) {
    return {
      column,
      isNumeric,
      words: [],
      valueOf: run => {
        const value = read(run);
        return typeof value === 'number' ? value : NaN;
      },
      format: value =>
        column.key === 'run.duration'
          ? formatDuration(value)
          : isInstant
            ? axisLabel(value, 'time', Infinity)
            : formatNumber(value)
    };
  }
  const words = [...new Set(values.map(wordOf))].sort((a, b) =>
    a.localeCompare(b, undefined, { numeric: true })
  );
  const places = new Map(words.map((word, index) => [word, index]));
  return {
    column,
    isNumeric,
    words,
    valueOf: run => {
      const value = read(run);
      return value === null ? NaN : (places.get(wordOf(value)) ?? NaN);
    },
    format: value => words[Math.round(value)] ?? ''
  };
}

const wordOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

/** A scale for a measure, with its ticks' labels. */
function scaleOf(
  measure: Measure,
  runs: readonly Run[],
  count: number,
  isLog = false
): { scale: Scale; ticks: { value: number; label: string }[] } {
  if (!measure.isNumeric) {
    const last = Math.max(0, measure.words.length - 1);
    const scale = linearScale(-0.5, last + 0.5, 2);
    const every = Math.max(1, Math.ceil(measure.words.length / (count * 2)));
    return {
      scale,
      ticks: measure.words.flatMap((word, index) =>
        index % every === 0 ? [{ value: index, label: word }] : []
      )
    };
  }
  const values = runs.map(measure.valueOf);
  const canLog = isLog && values.some(value => value > 0);
  const [low, high] = extent(values, canLog) ?? [0, 1];
  const air = (high / 2 - low / 2) * 0.08;
  const scale = canLog
    ? logScale(low, high, count)
    : linearScale(low - air, high + air, count);
  const { key } = measure.column;
  const isTime = key.startsWith('run.');
  // Half a tree means nothing: whole numbers have whole ticks.
  const isWhole = values.every(
    value => !Number.isFinite(value) || Number.isInteger(value)
  );
  const whole = scale.ticks.filter(Number.isInteger);
  return {
    scale,
    ticks: (isWhole && whole.length > 0 ? whole : scale.ticks).map(value => ({
      value,
      label: isTime ? measure.format(value) : formatShort(value)
    }))
  };
}

export interface ParallelAxis {
  readonly measure: Measure;
  readonly x: number;
  readonly ticks: readonly Tick[];
  readonly yOf: (run: Run) => number;
  readonly valueAt: (top: number) => number;
}

/** A range on an axis that runs have to lie in. */
export type Brushes = Readonly<Record<string, readonly [number, number]>>;

export interface Parallel {
  readonly axes: readonly ParallelAxis[];
  readonly lines: readonly {
    readonly run: Run;
    readonly path: string;
    readonly isIn: boolean;
  }[];
  readonly top: number;
  readonly bottom: number;
}

const PARALLEL = { top: 34, bottom: 14, side: 64 };

export function parallelOf(
  runs: readonly Run[],
  columns: readonly Column[],
  brushes: Brushes,
  size: ChartSize
): Parallel {
  const top = PARALLEL.top;
  const bottom = Math.max(top + 1, size.height - PARALLEL.bottom);
  const wide = Math.max(1, size.width - 2 * PARALLEL.side);
  const axes = columns.map((column, index): ParallelAxis => {
    const measure = measureOf(runs, column);
    const { scale, ticks } = scaleOf(measure, runs, 5);
    const at = (value: number): number =>
      bottom - (bottom - top) * scale.at(value);
    return {
      measure,
      x:
        PARALLEL.side +
        (columns.length === 1
          ? wide / 2
          : (wide * index) / (columns.length - 1)),
      ticks: ticks.map(tick => ({ ...tick, at: at(tick.value) })),
      yOf: run => at(measure.valueOf(run)),
      valueAt: y =>
        scale.from + ((bottom - y) / (bottom - top)) * (scale.to - scale.from)
    };
  });
  const lines = runs.map(run => {
    const places = axes.map(axis => ({ x: axis.x, y: axis.yOf(run) }));
    return {
      run,
      path: curve(places),
      isIn: axes.every(axis => {
        const range = brushes[axis.measure.column.key] as
          readonly [number, number] | undefined;
        const value = axis.measure.valueOf(run);
        return range === undefined || (value >= range[0] && value <= range[1]);
      })
    };
  });
  return { axes, lines, top, bottom };
}

const round = (value: number): number => Math.round(value * 10) / 10;

/** A soft line from axis to axis: at an axis it is level, so that crossings can be followed. */
function curve(places: readonly { x: number; y: number }[]): string {
  let path = '';
  let last: { x: number; y: number } | null = null;
  for (const place of places) {
    if (!Number.isFinite(place.y)) {
      last = null;
      continue;
    }
    if (last === null) {
      path += `M${round(place.x)} ${round(place.y)}h0.01`;
    } else {
      const middle = round((last.x + place.x) / 2);
      path += `C${middle} ${round(last.y)} ${middle} ${round(place.y)} ${round(place.x)} ${round(place.y)}`;
    }
    last = place;
  }
  return path;
}

export interface Scatter {
  readonly x: Measure;
  readonly y: Measure;
  readonly dots: readonly {
    readonly run: Run;
    readonly x: number;
    readonly y: number;
  }[];
  /** Runs that lack one of the two. */
  readonly missing: number;
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly frame: Frame;
}

export function scatterOf(
  runs: readonly Run[],
  xColumn: Column,
  yColumn: Column,
  isLog: boolean,
  size: ChartSize
): Scatter {
  const frame = frameOf(size, 72);
  const wide = frame.right - frame.left;
  const high = frame.bottom - frame.top;
  const x = measureOf(runs, xColumn);
  const y = measureOf(runs, yColumn);
  const across = scaleOf(x, runs, Math.max(2, Math.floor(wide / 90)));
  const up = scaleOf(y, runs, Math.max(2, Math.floor(high / 34)), isLog);
  const leftOf = (value: number): number =>
    frame.left + wide * across.scale.at(value);
  const topOf = (value: number): number =>
    frame.bottom - high * up.scale.at(value);
  const dots = runs
    .map(run => ({
      run,
      x: leftOf(x.valueOf(run)),
      y: topOf(y.valueOf(run))
    }))
    .filter(dot => Number.isFinite(dot.x) && Number.isFinite(dot.y));
  return {
    x,
    y,
    dots,
    missing: runs.length - dots.length,
    xTicks: across.ticks.map(tick => ({ ...tick, at: leftOf(tick.value) })),
    yTicks: up.ticks.map(tick => ({ ...tick, at: topOf(tick.value) })),
    frame
  };
}

/** Five numbers of some values: least, quartiles (linear between values), greatest. */
export interface Five {
  readonly low: number;
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
  readonly high: number;
}

export function fiveOf(values: readonly number[]): Five | null {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) {
    return null;
  }
  const at = (share: number): number => {
    const place = (sorted.length - 1) * share;
    const below = Math.floor(place);
    const above = Math.ceil(place);
    return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
  };
  return {
    low: sorted[0],
    q1: at(0.25),
    median: at(0.5),
    q3: at(0.75),
    high: sorted[sorted.length - 1]
  };
}

export interface Box {
  readonly label: string;
  readonly runs: readonly Run[];
  readonly five: Five;
  readonly x: number;
  readonly width: number;
  /** Tops of the five numbers, in their order. */
  readonly tops: Five;
  readonly dots: readonly {
    readonly run: Run;
    readonly x: number;
    readonly y: number;
  }[];
}

export interface Boxes {
  readonly boxes: readonly Box[];
  readonly yTicks: readonly Tick[];
  readonly frame: Frame;
  readonly y: Measure;
  /** Values of the param beyond those that are drawn. */
  readonly left: number;
}

const MOST_BOXES = 24;

export function boxesOf(
  runs: readonly Run[],
  by: Column,
  of: Column,
  isLog: boolean,
  size: ChartSize
): Boxes {
  const frame = frameOf(size, 72);
  const high = frame.bottom - frame.top;
  const y = measureOf(runs, of);
  const measured = y.isNumeric ? runs : [];
  const up = scaleOf(y, measured, Math.max(2, Math.floor(high / 34)), isLog);
  const topOf = (value: number): number =>
    frame.bottom - high * up.scale.at(value);
  const groups = new Map<string, Run[]>();
  for (const run of measured) {
    const value = cellOf(run, by);
    if (value !== null && Number.isFinite(y.valueOf(run))) {
      const word = wordOf(value);
      groups.set(word, [...(groups.get(word) ?? []), run]);
    }
  }
  const labels = [...groups.keys()].sort((a, b) =>
    a.localeCompare(b, undefined, { numeric: true })
  );
  const shown = labels.slice(0, MOST_BOXES);
  const room = (frame.right - frame.left) / Math.max(1, shown.length);
  const boxes = shown.flatMap((label, index) => {
    const members = groups.get(label) ?? [];
    const five = fiveOf(members.map(y.valueOf));
    if (five === null) {
      return [];
    }
    const x = frame.left + room * (index + 0.5);
    const width = Math.min(46, room * 0.6);
    return [
      {
        label,
        runs: members,
        five,
        x,
        width,
        tops: {
          low: topOf(five.low),
          q1: topOf(five.q1),
          median: topOf(five.median),
          q3: topOf(five.q3),
          high: topOf(five.high)
        },
        dots: members.map((run, place) => ({
          run,
          // Spread a little, always in the same way: what lies on one another is seen as many.
          x: x + width * 0.32 * (((place * 7) % 11) / 5 - 1),
          y: topOf(y.valueOf(run))
        }))
      }
    ];
  });
  return {
    boxes,
    yTicks: up.ticks.map(tick => ({ ...tick, at: topOf(tick.value) })),
    frame,
    y,
    left: labels.length - shown.length
  };
}
