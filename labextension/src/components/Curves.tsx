import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, useEffect, useId, useMemo, useRef, useState } from 'react';

import { ChartsState, withZoom, zoomOf } from '../figures/link';
import { fullName } from '../figures/names';
import { formatNumber, formatShort, toNumber } from '../figures/numbers';
import { Series, withCloser, xOf } from '../figures/overlay';
import { extent } from '../figures/scale';
import type { Look } from '../figures/palette';
import type { CoursesModel } from '../models/courses';
import type { Metric, Run } from '../services/api';
import { OverlayChart } from './OverlayChart';
import { RunName } from './RunName';
import { Swatch } from './Swatch';
import { useDraft } from './useDraft';
import { problemWords } from './words';

const HEIGHT = 190;
const WIDE_HEIGHT = 360;
/** Cards in the page before one asks for more. */
const CARDS = 40;

/** A card for each metric, the runs' courses over each other. */
export function Curves(props: Curves.IProps): JSX.Element {
  const { runs, charts, trans } = props;
  const [most, setMost] = useState(CARDS);
  const metrics = useMemo(() => metricsOf(runs), [runs]);
  const find = charts.find.trim().toLowerCase();
  const shown = metrics.filter(name => name.toLowerCase().includes(find));
  if (metrics.length === 0) {
    return (
      <p className="jp-nbproof-Curves-none jp-nbproof-dim">
        {trans.__('These runs have no metrics.')}
      </p>
    );
  }
  if (shown.length === 0) {
    return (
      <p className="jp-nbproof-Curves-none jp-nbproof-dim">
        {trans.__('No metric is called like “%1”.', charts.find)}
      </p>
    );
  }
  const facts = props.facts ?? NO_FACTS;
  // What was logged once has no course.
  const isSingle = (name: string): boolean => facts.get(name)?.count === 1;
  const drawn = shown.filter(name => !isSingle(name));
  return (
    <>
      <Singles
        metrics={shown.flatMap(name =>
          isSingle(name) ? (facts.get(name) ?? []) : []
        )}
      />
      <div className="jp-nbproof-Metrics jp-nbproof-Curves">
        {drawn.slice(0, most).map(metric => (
          <CurveCard key={metric} {...props} metric={metric} />
        ))}
      </div>
      {drawn.length > most && (
        <button
          type="button"
          className="jp-nbproof-LinkButton"
          onClick={() => setMost(most + CARDS)}
        >
          {trans.__('%1 more metrics', drawn.length - most)}
        </button>
      )}
    </>
  );
}

const NO_FACTS: ReadonlyMap<string, Metric> = new Map();

/** Metrics of one point each: a number says all of it. */
function Singles({
  metrics
}: {
  metrics: readonly Metric[];
}): JSX.Element | null {
  return metrics.length === 0 ? null : (
    <dl className="jp-nbproof-Singles">
      {metrics.map(({ name, value }) => (
        <div key={name} data-metric={name}>
          <dt title={name}>{name}</dt>
          <dd title={String(value)}>{formatNumber(toNumber(value))}</dd>
        </div>
      ))}
    </dl>
  );
}

export namespace Curves {
  export interface IProps {
    runs: readonly Run[];
    looks: ReadonlyMap<string, Look>;
    namesakes?: ReadonlyMap<string, string>;
    courses: CoursesModel;
    /** Counts the answers that came: what is drawn depends on it. */
    version: number;
    charts: ChartsState;
    /** What is known of each metric, where there is one run. */
    facts?: ReadonlyMap<string, Metric>;
    trans: TranslationBundle;
    onChange: (change: Partial<ChartsState>) => void;
  }
}

const NO_NAMESAKES: ReadonlyMap<string, string> = new Map();

/** Metrics of some runs, those that most of them have first. */
function metricsOf(runs: readonly Run[]): string[] {
  const counts = new Map<string, number>();
  for (const run of runs) {
    for (const name of Object.keys(run.metrics)) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return [...counts.entries()]
    .sort(
      ([a, left], [b, right]) =>
        right - left || a.localeCompare(b, undefined, { numeric: true })
    )
    .map(([name]) => name);
}

function CurveCard(props: Curves.IProps & { metric: string }): JSX.Element {
  const { metric, runs, courses, version, charts, looks, trans } = props;
  const headingId = useId();
  const card = useRef<HTMLElement>(null);
  const [zoom, setZoom, moveZoom] = useDraft(zoomOf(charts, metric), range =>
    props.onChange({ zooms: withZoom(charts, metric, range) })
  );
  const [isWide, setIsWide] = useState(false);
  const [isTable, setIsTable] = useState(false);
  useEffect(() => {
    const element = card.current;
    if (element === null) {
      return undefined;
    }
    const observer = new IntersectionObserver(
      entries => {
        if (entries.some(entry => entry.isIntersecting)) {
          courses.watch(metric);
        } else {
          courses.unwatch(metric);
        }
      },
      { rootMargin: '300px' }
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      courses.unwatch(metric);
    };
  }, [metric, courses]);
  useEffect(() => courses.look(metric, zoom), [courses, metric, zoom]);
  useEffect(() => () => courses.look(metric, null), [courses, metric]);

  const isZoomed = zoom !== null;
  const having = useMemo(
    () => runs.filter(run => metric in run.metrics),
    [runs, metric]
  );
  const series = useMemo(
    (): Series[] => {
      const closer = isZoomed ? courses.closer(metric) : null;
      return having.flatMap(run => {
        const { axis } = charts;
        const origin = courses.originOf(run);
        const whole = courses.of(run.id, metric)?.points ?? [];
        const points =
          closer === null
            ? whole
            : withCloser(
                whole,
                closer.courses.get(run.id)?.points ?? [],
                closer.range,
                point => xOf(point, axis, origin)
              );
        return points.length > 0 ? { id: run.id, points, origin } : [];
      });
    },
    // `courses` is the same object before and after an answer: `version` tells them apart.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [having, metric, courses, version, charts.axis, isZoomed]
  );
  const { namesakes } = props;
  const names = useMemo(
    () =>
      new Map(
        having.map(run => [run.id, fullName(run, namesakes ?? NO_NAMESAKES)])
      ),
    [having, namesakes]
  );
  const states = having.map(run => courses.of(run.id, metric));
  const problem = states.find(one => one?.problem)?.problem ?? null;
  const isWaiting =
    series.length === 0 &&
    problem === null &&
    states.some(one => one === null || one.loading);
  const closer = isZoomed ? courses.closer(metric) : null;
  const thinned =
    closer?.isThinned ??
    states.some(one => one !== null && one.count > one.points.length);
  const unseen = series
    .flatMap(one => one.points)
    .filter(
      ({ value }) => !Number.isFinite(value) || (charts.isLog && value <= 0)
    ).length;
  const hasFinite =
    unseen < series.reduce((sum, one) => sum + one.points.length, 0);
  const fact = props.facts?.get(metric);
  // What each run logged once is a list of numbers.
  const isSingle =
    !isWaiting && states.length > 0 && states.every(one => one?.count === 1);
  const height = isWide ? WIDE_HEIGHT : HEIGHT;
  return (
    <article
      ref={card}
      className="jp-nbproof-Metric jp-nbproof-Curve"
      aria-labelledby={headingId}
      data-metric={metric}
      data-wide={isWide || undefined}
    >
      <header className="jp-nbproof-Metric-head">
        <h3 id={headingId} className="jp-nbproof-Metric-name" title={metric}>
          {metric}
        </h3>
        {!isSingle && (
          <div className="jp-nbproof-Curve-tools">
            {zoom !== null && (
              <button
                type="button"
                className="jp-nbproof-SmallButton"
                onClick={() => setZoom(null)}
              >
                {trans.__('Reset zoom')}
              </button>
            )}
            <button
              type="button"
              className="jp-nbproof-SmallButton"
              aria-pressed={isTable}
              onClick={() => setIsTable(!isTable)}
            >
              {trans.__('Table')}
            </button>
            <button
              type="button"
              className="jp-nbproof-SmallButton"
              aria-pressed={isWide}
              onClick={() => setIsWide(!isWide)}
            >
              {trans.__('Wide')}
            </button>
          </div>
        )}
      </header>
      {isSingle ? (
        <Values {...props} runs={having} />
      ) : isTable ? (
        <Numbers {...props} runs={having} />
      ) : isWaiting ? (
        <div
          className="jp-nbproof-Metric-place jp-nbproof-isLoading"
          role="status"
          aria-label={trans.__('Loading %1…', metric)}
        />
      ) : series.length === 0 && problem !== null ? (
        <div className="jp-nbproof-Metric-place" role="alert">
          {problemWords(problem, trans).title}
        </div>
      ) : hasFinite ? (
        <OverlayChart
          series={series}
          looks={looks}
          names={names}
          axis={charts.axis}
          isLog={charts.isLog}
          smoothing={charts.smoothing}
          zoom={zoom}
          height={height}
          label={trans._n(
            '%2: course in %1 run',
            '%2: courses in %1 runs',
            having.length,
            metric
          )}
          trans={trans}
          onZoom={setZoom}
          onMove={moveZoom}
        />
      ) : (
        <div className="jp-nbproof-Metric-place" data-kind="none">
          {charts.isLog
            ? trans.__('No value is a positive number.')
            : trans.__('All values are NaN or infinite.')}
        </div>
      )}
      {!isSingle && !isTable && hasFinite && unseen > 0 && (
        <div className="jp-nbproof-Metric-note">
          {charts.isLog
            ? trans._n(
                '%1 value is not a positive number and leaves a gap',
                '%1 values are not positive numbers and leave gaps',
                unseen
              )
            : trans._n(
                '%1 value is not a finite number and leaves a gap',
                '%1 values are not finite numbers and leave gaps',
                unseen
              )}
        </div>
      )}
      {fact !== undefined && <MetricFacts metric={fact} trans={trans} />}
      {!isSingle && !isTable && isZoomed && (
        <div className="jp-nbproof-Metric-note">
          {trans.__('Drag with Shift to move along.')}
          {thinned &&
            ` ${trans.__('Long courses are thinned; their extremes are kept.')}`}
        </div>
      )}
    </article>
  );
}

function MetricFacts({
  metric,
  trans
}: {
  metric: Metric;
  trans: TranslationBundle;
}): JSX.Element {
  const facts: readonly (readonly [
    string,
    number | null,
    ((value: number) => string)?
  ])[] = [
    [trans.__('latest'), toNumber(metric.value)],
    [trans.__('min'), metric.min === null ? null : toNumber(metric.min)],
    [trans.__('max'), metric.max === null ? null : toNumber(metric.max)],
    [trans.__('points'), metric.count, count => count.toLocaleString()]
  ];
  return (
    <dl className="jp-nbproof-Metric-facts">
      {facts.map(
        ([word, value, show = formatShort]) =>
          value !== null && (
            <div key={word}>
              <dt>{word}</dt>
              <dd title={String(value)}>{show(value)}</dd>
            </div>
          )
      )}
    </dl>
  );
}

/** One number for each run. */
function Values({
  metric,
  runs,
  looks,
  namesakes
}: Curves.IProps & { metric: string }): JSX.Element {
  return (
    <dl className="jp-nbproof-Values">
      {runs.map(run => (
        <div key={run.id}>
          <dt title={run.name}>
            <Swatch look={looks.get(run.id) ?? null} />
            <RunName name={run.name} apart={namesakes?.get(run.id)} />
          </dt>
          <dd title={String(run.metrics[metric])}>
            {formatNumber(toNumber(run.metrics[metric]))}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** The same in numbers. */
function Numbers({
  metric,
  runs,
  looks,
  namesakes,
  courses,
  trans
}: Curves.IProps & { metric: string }): JSX.Element {
  return (
    <table className="jp-nbproof-Table jp-nbproof-Numbers">
      <caption className="jp-nbproof-hidden">{metric}</caption>
      <thead>
        <tr>
          <th scope="col">{trans.__('Run')}</th>
          <th scope="col">{trans.__('latest')}</th>
          <th scope="col">{trans.__('min')}</th>
          <th scope="col">{trans.__('max')}</th>
          <th scope="col">{trans.__('points')}</th>
        </tr>
      </thead>
      <tbody>
        {runs.map(run => {
          const course = courses.of(run.id, metric);
          const range = extent((course?.points ?? []).map(one => one.value));
          return (
            <tr key={run.id}>
              <th scope="row" title={run.name}>
                <Swatch look={looks.get(run.id) ?? null} />{' '}
                <RunName name={run.name} apart={namesakes?.get(run.id)} />
              </th>
              <td>{formatNumber(toNumber(run.metrics[metric]))}</td>
              <td>{range === null ? '' : formatShort(range[0])}</td>
              <td>{range === null ? '' : formatShort(range[1])}</td>
              <td>{course?.count.toLocaleString() ?? ''}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
