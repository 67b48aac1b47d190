import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { Run } from '../services/api';
import type { Client } from '../services/client';
import { asProblem, Problem } from '../services/problem';
import type { Axis, Range } from '../figures/overlay';
import { Course, LINES, readCourse, readCourses } from '../services/series';

/** Twice the pixels of a wide chart: more cannot be seen. */
const MAX_POINTS = 800;
/** The server has other things to do as well. */
const AT_ONCE = 4;
/** Answers that come together are drawn together. */
const GATHER_MS = 60;
/** Who drags a chart along is asked for once they rest. */
const REST_MS = 120;
/** A closer look reaches this part of its width further at each end: a little way on, nothing has to be asked. */
const BESIDE = 0.5;
/** A stretch seen this much narrower than what was asked for is worth another question. */
const COARSE = 4;

export interface RunCourse extends Course {
  readonly loading: boolean;
  readonly problem: Problem | null;
}

/** The points of a metric in a stretch of the axis, which lie closer there than in its whole course. */
export interface Closer {
  readonly range: Range;
  readonly courses: ReadonlyMap<string, Course>;
  /** Whether points may have been left out here, too. */
  readonly isThinned: boolean;
}

/** The courses of the metrics that somebody looks at, of the runs that are drawn. */
export class CoursesModel implements IDisposable {
  constructor(private readonly _client: Client) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /**
   * Draw these runs, of this workspace; what is there already is kept.
   *
   * `versionOf` tells whether a course has grown; by default any new value of the run may have.
   */
  show(
    workspace: string | null,
    runs: readonly Run[],
    axis: Axis,
    versionOf: (run: Run, metric: string) => string = newestOf
  ): void {
    this._versionOf = versionOf;
    if (axis !== this._axis) {
      this._axis = axis;
      this._closer.clear();
    }
    if (workspace !== this._workspace) {
      this._workspace = workspace;
      this._courses.clear();
      this._closer.clear();
      this._queue = [];
    }
    this._runs = runs;
    for (const metric of this._watched) {
      this._want(metric);
    }
  }

  /** Somebody looks at this metric: fetch it for every run that is drawn. */
  watch(metric: string): void {
    this._watched.add(metric);
    this._want(metric);
  }

  /** It went out of view; what was fetched stays. */
  unwatch(metric: string): void {
    this._watched.delete(metric);
    for (const { runs } of this._queue.filter(one => one.metric === metric)) {
      // Never asked: the next look asks.
      runs.forEach(run => this._courses.delete(keyOf(run, metric)));
    }
    this._queue = this._queue.filter(one => one.metric !== metric);
  }

  of(run: string, metric: string): RunCourse | null {
    return this._courses.get(keyOf(run, metric))?.course ?? null;
  }

  /** What is known of the stretch that is looked at; null where the whole course is all there is. */
  closer(metric: string): Closer | null {
    return this._closer.get(metric)?.found ?? null;
  }

  /** From what time since the run began is counted, in milliseconds. */
  originOf(run: Run): number {
    return this._isBatched ? 0 : Date.parse(run.started);
  }

  /** Look at a stretch of the axis alone, for which the server has more points; null: at the whole again. */
  look(metric: string, range: Range | null): void {
    if (range === null) {
      window.clearTimeout(this._closer.get(metric)?.timer);
      this._closer.delete(metric);
      return;
    }
    const known = this._closer.get(metric);
    window.clearTimeout(known?.timer);
    this._closer.set(metric, {
      range,
      found: known?.found ?? null,
      isOld: known?.isOld ?? true,
      timer: window.setTimeout(() => void this._lookCloser(metric), REST_MS)
    });
  }

  /** Whether all points of a stretch are here already, or so many that more could not be seen. */
  private _isClose(metric: string, range: Range): boolean {
    const runs = this._runs.filter(run => metric in run.metrics);
    if (
      runs.every(run => {
        const course = this.of(run.id, metric);
        return course !== null && course.count <= course.points.length;
      })
    ) {
      return true;
    }
    const { found = null, isOld = true } = this._closer.get(metric) ?? {};
    if (found === null || isOld) {
      return false;
    }
    const [low, high] = found.range;
    return (
      low <= range[0] &&
      high >= range[1] &&
      (!found.isThinned || high - low <= COARSE * (range[1] - range[0]))
    );
  }

  private async _lookCloser(metric: string): Promise<void> {
    await this._client.capabilities.load();
    const asked = this._closer.get(metric);
    if (
      asked === undefined ||
      this._isDisposed ||
      !this._client.capabilities.takes(LINES, 'low') ||
      this._isClose(metric, asked.range)
    ) {
      return;
    }
    const { _axis: axis, _workspace: workspace } = this;
    const [low, high] = asked.range;
    const range: Range = [
      low - (high - low) * BESIDE,
      high + (high - low) * BESIDE
    ];
    try {
      const courses = await readCourses(
        this._client.requester(workspace),
        this._runs.filter(run => metric in run.metrics).map(run => run.id),
        metric,
        axis,
        MAX_POINTS,
        range
      );
      const now = this._closer.get(metric);
      if (
        now !== undefined &&
        axis === this._axis &&
        workspace === this._workspace
      ) {
        now.found = {
          range,
          courses,
          // Thinning leaves a third at least, of a course with gaps.
          isThinned: [...courses.values()].some(
            course => course.points.length > MAX_POINTS / 3
          )
        };
        now.isOld = false;
        this._tell();
      }
    } catch {
      // The whole course has to do; what is wrong, the next question for it says.
    }
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    for (const { timer } of this._closer.values()) {
      window.clearTimeout(timer);
    }
    Signal.clearData(this);
  }

  private _want(metric: string): void {
    const runs: string[] = [];
    for (const run of this._runs) {
      if (!(metric in run.metrics)) {
        continue;
      }
      const key = keyOf(run.id, metric);
      const known = this._courses.get(key);
      // Some servers give the places on one axis only: another axis is another question.
      const axis = this._isBatched ? this._axis : '';
      const version = `${axis} ${this._versionOf(run, metric)}`;
      if (known?.version === version || known?.course.loading === true) {
        continue;
      }
      this._courses.set(key, {
        version,
        course: {
          points: known?.course.points ?? [],
          count: known?.course.count ?? 0,
          loading: true,
          problem: null
        }
      });
      runs.push(run.id);
    }
    if (runs.length === 0) {
      return;
    }
    const looked = this._closer.get(metric);
    if (looked !== undefined) {
      // It has grown, or is another one: the stretch is read anew.
      looked.isOld = true;
      this.look(metric, looked.range);
    }
    if (this._isBatched) {
      this._queue.push({ runs, metric });
    } else {
      this._queue.push(...runs.map(run => ({ runs: [run], metric })));
    }
    void this._client.capabilities.load().then(() => this._work());
  }

  private get _isBatched(): boolean {
    return this._client.capabilities.has(LINES);
  }

  private _work(): void {
    while (this._busy < AT_ONCE && this._queue.length > 0) {
      const ask = this._queue.shift();
      if (ask !== undefined) {
        this._busy += 1;
        void this._fetch(ask.runs, ask.metric).finally(() => {
          this._busy -= 1;
          if (!this._isDisposed) {
            this._work();
          }
        });
      }
    }
  }

  private async _fetch(runs: readonly string[], metric: string): Promise<void> {
    const workspace = this._workspace;
    const request = this._client.requester(workspace);
    let courses = new Map<string, Course>();
    let problem: Problem | null = null;
    try {
      courses = this._isBatched
        ? await readCourses(request, runs, metric, this._axis, MAX_POINTS)
        : new Map([
            [runs[0], await readCourse(request, runs[0], metric, MAX_POINTS)]
          ]);
    } catch (thrown) {
      problem = asProblem(thrown);
    }
    if (workspace !== this._workspace || this._isDisposed) {
      return;
    }
    for (const run of runs) {
      const key = keyOf(run, metric);
      const known = this._courses.get(key);
      const course = courses.get(run);
      this._courses.set(key, {
        // What failed is asked for again with the next look.
        version: problem === null ? (known?.version ?? '') : '',
        course: {
          points: course?.points ?? known?.course.points ?? [],
          count: course?.count ?? known?.course.count ?? 0,
          loading: false,
          problem
        }
      });
    }
    this._tell();
  }

  private _tell(): void {
    this._timer ??= window.setTimeout(() => {
      this._timer = undefined;
      this._changed.emit();
    }, GATHER_MS);
  }

  private _workspace: string | null = null;
  private _runs: readonly Run[] = [];
  private _versionOf: (run: Run, metric: string) => string = newestOf;
  private readonly _watched = new Set<string>();
  private readonly _courses = new Map<
    string,
    { version: string; course: RunCourse }
  >();
  private readonly _closer = new Map<
    string,
    { range: Range; found: Closer | null; isOld: boolean; timer: number }
  >();
  private _axis: Axis = 'step';
  private _queue: { runs: readonly string[]; metric: string }[] = [];
  private _busy = 0;
  private _timer: number | undefined = undefined;
  private _isDisposed = false;
  private readonly _changed = new Signal<this, void>(this);
}

const keyOf = (run: string, metric: string): string => `${run} ${metric}`;

const newestOf = (run: Run): string =>
  `${run.status} ${run.newest_metric?.time ?? ''}`;
