import type { Point } from '../figures/overlay';
import { toNumber } from '../figures/numbers';
import { MetricPoint, Requester, runsMetricHistory } from './api';

/** The course of one metric of one run, thinned by the server. */
export interface Course {
  readonly points: readonly Point[];
  /** How many points there are in all. */
  readonly count: number;
}

export interface CourseAsk {
  readonly run: string;
  readonly metric: string;
}

/** Read the course of a metric in at most so many points; its extremes are kept. */
export async function readCourse(
  request: Requester,
  ask: CourseAsk,
  maxPoints: number
): Promise<Course> {
  const answer = await runsMetricHistory(request, {
    id: ask.run,
    name: ask.metric,
    max_points: maxPoints
  });
  return { points: answer.items.map(pointOf), count: answer.count };
}

const pointOf = (item: MetricPoint): Point => ({
  step: toNumber(item.step),
  time: Date.parse(item.time),
  value: toNumber(item.value)
});
