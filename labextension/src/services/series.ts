import { toNumber } from '../figures/numbers';
import type { Axis, Point, Range } from '../figures/overlay';
import { Float, MetricPoint, Requester, runsMetricHistory } from './api';

/** The course of one metric of one run, thinned by the server. */
export interface Course {
  readonly points: readonly Point[];
  /** How many points there are in all. */
  readonly count: number;
}

/** The route that answers for several runs at once, where the server has it. */
export const LINES = 'GET /runs/metrics/lines';

interface Lines {
  readonly items: readonly {
    readonly run_id: string;
    readonly count: number;
    readonly x: readonly Float[];
    readonly y: readonly Float[];
  }[];
}

/** The server counts seconds where the charts count milliseconds. */
const unitOf = (axis: Axis): number => (axis === 'time' ? 1e-3 : 1);

/**
 * Read the courses of a metric in some runs, each in at most so many points; extremes are kept.
 *
 * What a run does not have is left out.  With a range only the points in it are thinned: they lie closer.
 */
export async function readCourses(
  request: Requester,
  runs: readonly string[],
  metric: string,
  axis: Axis,
  maxPoints: number,
  range: Range | null = null
): Promise<Map<string, Course>> {
  const answer = await request<Lines>('GET', '/runs/metrics/lines', {
    id: runs,
    name: metric,
    max_points: maxPoints,
    axis,
    ...(range === null
      ? {}
      : { low: range[0] * unitOf(axis), high: range[1] * unitOf(axis) })
  });
  return new Map(
    answer.items.map(line => [
      line.run_id,
      {
        count: line.count,
        points: line.y.map((value, index) => {
          const x = toNumber(line.x[index]);
          return axis === 'step'
            ? { step: x, time: NaN, value: toNumber(value) }
            : { step: NaN, time: x * 1000, value: toNumber(value) };
        })
      }
    ])
  );
}

/** The same for one run, as every release of the server can. */
export async function readCourse(
  request: Requester,
  run: string,
  metric: string,
  maxPoints: number
): Promise<Course> {
  const answer = await runsMetricHistory(request, {
    id: run,
    name: metric,
    max_points: maxPoints
  });
  return { points: answer.items.map(pointOf), count: answer.count };
}

const pointOf = (item: MetricPoint): Point => ({
  step: toNumber(item.step),
  time: Date.parse(item.time),
  value: toNumber(item.value)
});
