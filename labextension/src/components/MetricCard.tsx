import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, useEffect, useId, useRef, useState } from 'react';

import type { Across, Point } from '../figures/chart';
import { formatNumber, formatShort, toNumber } from '../figures/numbers';
import type { History } from '../models/run';
import type { Metric } from '../services/api';
import { LineChart } from './LineChart';
import { problemWords } from './words';

/** One metric: its numbers, and its course once the card has come into view. */
export function MetricCard(props: MetricCard.IProps): JSX.Element {
  const { metric, history, trans } = props;
  const { name } = metric;
  const headingId = useId();
  const card = useRef<HTMLElement>(null);
  const [picked, setPicked] = useState<number | null>(null);
  const watch = useRef(props.onWatch);
  watch.current = props.onWatch;
  useEffect(() => {
    const element = card.current;
    if (element === null) {
      return undefined;
    }
    const observer = new IntersectionObserver(
      entries => {
        if (entries.some(entry => entry.isIntersecting)) {
          observer.disconnect();
          watch.current(name);
        }
      },
      { rootMargin: '200px' }
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [name]);

  const points = history?.points ?? [];
  const shown = picked === null ? undefined : points[picked];
  const readout =
    shown === undefined ? '' : readoutWord(shown, props.across, points, trans);
  return (
    <article
      ref={card}
      className="jp-nbproof-Metric"
      aria-labelledby={headingId}
      data-metric={name}
    >
      <header className="jp-nbproof-Metric-head">
        <h3 id={headingId} className="jp-nbproof-Metric-name" title={name}>
          {name}
        </h3>
        <output className="jp-nbproof-Metric-readout">
          {readout === '' ? formatNumber(toNumber(metric.value)) : readout}
        </output>
      </header>
      <Course {...props} picked={picked} readout={readout} onPick={setPicked} />
      <dl className="jp-nbproof-Metric-facts">
        <Fact word={trans.__('latest')} value={toNumber(metric.value)} />
        {metric.min !== null && (
          <Fact word={trans.__('min')} value={toNumber(metric.min)} />
        )}
        {metric.max !== null && (
          <Fact word={trans.__('max')} value={toNumber(metric.max)} />
        )}
        <Fact word={trans.__('points')} value={metric.count} />
      </dl>
    </article>
  );
}

export namespace MetricCard {
  export interface IProps {
    metric: Metric;
    history: History | null;
    across: Across;
    isLog: boolean;
    trans: TranslationBundle;
    onWatch: (name: string) => void;
  }
}

function Fact({ word, value }: { word: string; value: number }): JSX.Element {
  return (
    <div>
      <dt>{word}</dt>
      <dd title={String(value)}>{formatShort(value)}</dd>
    </div>
  );
}

function Course(
  props: MetricCard.IProps & {
    picked: number | null;
    readout: string;
    onPick: (index: number | null) => void;
  }
): JSX.Element {
  const { metric, history, across, isLog, trans } = props;
  const points = history?.points ?? [];
  if (history !== null && history.problem !== null && points.length === 0) {
    return (
      <div className="jp-nbproof-Metric-place" role="alert">
        {problemWords(history.problem, trans).title}
      </div>
    );
  }
  if (history === null || (history.loading && points.length === 0)) {
    return (
      <div
        className="jp-nbproof-Metric-place jp-nbproof-isLoading"
        role="status"
        aria-label={trans.__('Loading %1…', metric.name)}
      />
    );
  }
  const unseen = points.filter(
    point => !Number.isFinite(point.value) || (isLog && point.value <= 0)
  ).length;
  const last = points.at(-1);
  return (
    <>
      <LineChart
        points={points}
        across={across}
        isLog={isLog}
        label={
          across === 'step'
            ? trans.__('%1 by step', metric.name)
            : trans.__('%1 by time', metric.name)
        }
        readout={
          props.readout !== '' || last === undefined
            ? props.readout
            : readoutWord(last, across, points, trans)
        }
        picked={props.picked}
        onPick={props.onPick}
      />
      {unseen > 0 && (
        <div className="jp-nbproof-Metric-note">
          {isLog
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
    </>
  );
}

function readoutWord(
  point: Point,
  across: Across,
  points: readonly Point[],
  trans: TranslationBundle
): string {
  const value = formatNumber(point.value);
  return across === 'step'
    ? trans.__('step %1: %2', formatNumber(point.step), value)
    : trans.__(
        '%1 s: %2',
        formatShort((point.time - points[0].time) / 1000),
        value
      );
}
