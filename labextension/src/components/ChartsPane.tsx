import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, useId, useMemo } from 'react';

import { cellOf, Column, columnOf, Known, knownOf } from '../figures/columns';
import type { ChartsState, Plot } from '../figures/link';
import type { Axis } from '../figures/overlay';
import type { Look } from '../figures/palette';
import type { CoursesModel } from '../models/courses';
import type { Metric, Run } from '../services/api';
import { BoxPlot } from './BoxPlot';
import { columnWord, groupWord } from './cells';
import { Choice } from './Choice';
import { Curves } from './Curves';
import { ParallelPlot } from './ParallelPlot';
import { ScatterPlot } from './ScatterPlot';
import { useDraft } from './useDraft';

/** More axes than this nobody follows. */
const MOST_AXES = 9;
/** More marks than this say no more. */
const MOST_MARKS = 2000;

/** The runs as pictures: their courses, or each run as a mark among its params and metrics. */
export function ChartsPane(props: ChartsPane.IProps): JSX.Element {
  const { charts, plot, onChange, trans } = props;
  return (
    <section className="jp-nbproof-Charts" aria-label={trans.__('Charts')}>
      <div className="jp-nbproof-Charts-tools">
        {props.onPlot !== undefined && (
          <Choice<Plot>
            label={trans.__('Kind of chart')}
            value={plot}
            options={plotWords(trans)}
            onChoose={props.onPlot}
          />
        )}
        {plot === 'curves' && (
          <CurveTools charts={charts} onChange={onChange} trans={trans} />
        )}
        {props.note !== undefined && (
          <span className="jp-nbproof-dim jp-nbproof-Charts-note">
            {props.note}
          </span>
        )}
        {props.onMore !== undefined && (
          <button
            type="button"
            className="jp-nbproof-LinkButton"
            onClick={props.onMore}
          >
            {trans.__('Fetch more')}
          </button>
        )}
      </div>
      <div className="jp-nbproof-Charts-body">
        {plot === 'curves' ? (
          <Curves
            runs={props.runs}
            looks={props.looks}
            namesakes={props.namesakes}
            courses={props.courses}
            version={props.version}
            charts={charts}
            facts={props.facts}
            trans={trans}
            onChange={onChange}
          />
        ) : (
          <Marks {...props} />
        )}
      </div>
    </section>
  );
}

export namespace ChartsPane {
  export interface IProps {
    /** Runs whose courses are drawn. */
    runs: readonly Run[];
    /** Runs that are marks in the other plots. */
    plotted: readonly Run[];
    looks: ReadonlyMap<string, Look>;
    /** What tells runs of one name apart. */
    namesakes?: ReadonlyMap<string, string>;
    courses: CoursesModel;
    version: number;
    charts: ChartsState;
    plot: Plot;
    note?: string;
    /** What is known of each metric, where there is one run. */
    facts?: ReadonlyMap<string, Metric>;
    trans: TranslationBundle;
    onChange: (change: Partial<ChartsState>) => void;
    /** There are more runs than are here. */
    onMore?: () => void;
    /** Without it the kind of chart is chosen elsewhere. */
    onPlot?: (plot: Plot) => void;
    onOpen: (run: Run) => void;
  }
}

export const plotWords = (
  trans: TranslationBundle
): readonly (readonly [Plot, string])[] => [
  ['curves', trans.__('Curves')],
  ['parallel', trans.__('Parallel')],
  ['scatter', trans.__('Scatter')],
  ['box', trans.__('Box')]
];

function CurveTools({
  charts,
  onChange,
  trans
}: {
  charts: ChartsState;
  onChange: (change: Partial<ChartsState>) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const sliderId = useId();
  const [smoothing, setSmoothing] = useDraft(charts.smoothing, value =>
    onChange({ smoothing: value })
  );
  const [find, setFind] = useDraft(charts.find, value =>
    onChange({ find: value })
  );
  return (
    <>
      <Choice<Axis>
        label={trans.__('X axis')}
        value={charts.axis}
        options={[
          ['step', trans.__('Step')],
          ['relative', trans.__('Relative time')],
          ['time', trans.__('Time')]
        ]}
        // Another axis has other places.
        onChoose={axis => onChange({ axis, zooms: [] })}
      />
      <Choice
        label={trans.__('Scale')}
        value={charts.isLog ? 'log' : 'linear'}
        options={[
          ['linear', trans.__('Linear')],
          ['log', trans.__('Log')]
        ]}
        onChoose={scale => onChange({ isLog: scale === 'log' })}
      />
      <span className="jp-nbproof-Slider">
        <label htmlFor={sliderId}>{trans.__('Smoothing')}</label>
        <input
          id={sliderId}
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={smoothing}
          onChange={event => setSmoothing(Number(event.target.value))}
        />
        <output htmlFor={sliderId}>{smoothing.toFixed(2)}</output>
      </span>
      <input
        type="search"
        className="jp-mod-styled jp-nbproof-Input"
        placeholder={trans.__('Find a metric')}
        aria-label={trans.__('Find a metric')}
        value={find}
        onChange={event => setFind(event.target.value)}
      />
    </>
  );
}

/** Parallel coordinates, scatter and boxes, with the choice of what is measured. */
function Marks(props: ChartsPane.IProps): JSX.Element {
  const { plotted, charts, plot, looks, onChange, trans } = props;
  const runs = useMemo(() => plotted.slice(0, MOST_MARKS), [plotted]);
  const known = useMemo(() => knownOf(runs), [runs]);
  const axes = useMemo(() => axesOf(runs, known), [runs, known]);
  const metric = columnOf(`metrics.${known.metrics[0] ?? ''}`);
  const param = axes.find(column => column.group === 'params') ?? null;
  const y = columnOf(charts.y) ?? metric ?? STARTED;
  const x =
    columnOf(charts.x) ??
    param ??
    columnOf(`metrics.${known.metrics[1] ?? ''}`) ??
    STARTED;
  const by = columnOf(charts.by) ?? param ?? EXPERIMENT;
  const cut =
    plotted.length > MOST_MARKS
      ? trans.__(
          'The first %1 of %2 runs are drawn.',
          MOST_MARKS,
          plotted.length
        )
      : null;
  if (runs.length === 0) {
    return <p className="jp-nbproof-dim">{trans.__('No runs to draw.')}</p>;
  }
  return (
    <>
      {plot === 'parallel' ? (
        <ParallelPlot
          runs={runs}
          columns={axes}
          looks={looks}
          trans={trans}
          onOpen={props.onOpen}
        />
      ) : (
        <>
          <div className="jp-nbproof-Charts-axes">
            {plot === 'scatter' ? (
              <ColumnSelect
                label={trans.__('X axis')}
                value={x}
                known={known}
                trans={trans}
                onChoose={key => onChange({ x: key })}
              />
            ) : (
              <ColumnSelect
                label={trans.__('Group by')}
                value={by}
                known={known}
                trans={trans}
                onChoose={key => onChange({ by: key })}
              />
            )}
            <ColumnSelect
              label={trans.__('Y axis')}
              value={y}
              known={known}
              trans={trans}
              onChoose={key => onChange({ y: key })}
            />
            <Choice
              label={trans.__('Scale')}
              value={charts.isLog ? 'log' : 'linear'}
              options={[
                ['linear', trans.__('Linear')],
                ['log', trans.__('Log')]
              ]}
              onChoose={scale => onChange({ isLog: scale === 'log' })}
            />
          </div>
          {plot === 'scatter' ? (
            <ScatterPlot
              runs={runs}
              x={x}
              y={y}
              isLog={charts.isLog}
              looks={looks}
              trans={trans}
              onOpen={props.onOpen}
            />
          ) : (
            <BoxPlot
              runs={runs}
              by={by}
              y={y}
              isLog={charts.isLog}
              looks={looks}
              trans={trans}
            />
          )}
        </>
      )}
      {cut !== null && <p className="jp-nbproof-dim">{cut}</p>}
    </>
  );
}

const STARTED: Column = { key: 'run.started', group: 'run', name: 'started' };
const EXPERIMENT: Column = {
  key: 'run.experiment',
  group: 'run',
  name: 'experiment'
};

/** Params that differ, then the commonest metrics. */
function axesOf(runs: readonly Run[], known: Known): Column[] {
  const differs = (column: Column): boolean => {
    const first = JSON.stringify(cellOf(runs[0], column));
    return runs.some(run => JSON.stringify(cellOf(run, column)) !== first);
  };
  const columns = (keys: readonly string[]): Column[] =>
    keys
      .map(columnOf)
      .filter(column => column !== null)
      .filter(differs);
  const metrics = columns(
    known.metrics.slice(0, 30).map(name => `metrics.${name}`)
  ).slice(0, 3);
  const params = columns(
    known.params.slice(0, 60).map(name => `params.${name}`)
  ).slice(0, MOST_AXES - metrics.length);
  return [...params, ...metrics];
}

export function ColumnSelect({
  label,
  value,
  known,
  none,
  trans,
  onChoose
}: {
  label: string;
  value: Column | null;
  known: Known;
  /** The word for no column at all; without it one has to be chosen. */
  none?: string;
  trans: TranslationBundle;
  onChoose: (key: string) => void;
}): JSX.Element {
  const id = useId();
  const groups = [
    ['metrics', known.metrics],
    ['params', known.params],
    ['tags', known.tags],
    [
      'run',
      ['group', 'experiment', 'status', 'started', 'duration', 'user', 'branch']
    ]
  ] as const;
  const keys = groups.flatMap(([group, names]) =>
    names.map(name => `${group}.${name}`)
  );
  return (
    <span className="jp-nbproof-Select">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value?.key ?? ''}
        onChange={event => onChoose(event.target.value)}
      >
        {none !== undefined && <option value="">{none}</option>}
        {value !== null && !keys.includes(value.key) && (
          <option value={value.key}>{columnWord(value, trans)}</option>
        )}
        {groups.map(([group, names]) =>
          names.length === 0 ? null : (
            <optgroup key={group} label={groupWord(group, trans)}>
              {names.slice(0, 200).flatMap(name => {
                const column = columnOf(`${group}.${name}`);
                return column === null ? (
                  []
                ) : (
                  <option key={column.key} value={column.key}>
                    {columnWord(column, trans)}
                  </option>
                );
              })}
            </optgroup>
          )
        )}
      </select>
    </span>
  );
}
