import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import { Fragment, JSX, useId, useMemo, useState } from 'react';

import { pairedOf } from '../figures/compared';
import { countText, valueText } from '../figures/dataset';
import { formatShort, toNumber } from '../figures/numbers';
import type {
  ChangedColumn,
  ColumnDriftView,
  DatasetDiff,
  DatasetField,
  DriftReport
} from '../services/api';
import {
  PairedHistogram,
  PairedLegend,
  PairedPlot,
  Typed
} from './PairedHistogram';
import { ColumnName } from './ColumnName';
import { SeverityMark } from './SeverityMark';

/** More columns than this are searched rather than read. */
const MANY = 15;
/** Rows drawn at first. */
const DRAWN = 50;
const COLUMNS = 5;

/** How the values of each column have changed: the worst first, with what was found and what to do. */
export function ColumnChanges({
  report,
  diff,
  fields,
  trans
}: {
  report: DriftReport;
  /** Null as long as what both hold was not compared. */
  diff: DatasetDiff | null;
  /** Types of the columns. */
  fields: readonly DatasetField[];
  trans: TranslationBundle;
}): JSX.Element {
  const id = useId();
  const [find, setFind] = useState('');
  const [isWhole, setWhole] = useState(false);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const columns = useMemo(
    () =>
      [...report.columns].sort((a, b) => toNumber(b.score) - toNumber(a.score)),
    [report]
  );
  const types = useMemo(
    () => new Map(fields.map(one => [one.name, one.type] as const)),
    [fields]
  );
  const changed = useMemo(
    () => new Map(diff?.columns.map(one => [one.name, one] as const)),
    [diff]
  );
  const wanted = find.trim().toLowerCase();
  const found = columns.filter(({ name }) =>
    name.toLowerCase().includes(wanted)
  );
  const drawn = isWhole ? found : found.slice(0, DRAWN);
  const toggle = (name: string): void => {
    const next = new Set(open);
    if (!next.delete(name)) {
      next.add(name);
    }
    setOpen(next);
  };
  return (
    <>
      <p className="jp-nbproof-DatasetView-sentence">
        <SeverityMark severity={report.severity} trans={trans} />
        <span>
          {report.sentence}{' '}
          <span className="jp-nbproof-dim">{report.action}</span>
        </span>
      </p>
      <div className="jp-nbproof-Paired-head">
        <PairedLegend
          before={report.reference}
          now={report.current}
          beforeRows={report.reference_rows}
          nowRows={report.current_rows}
          trans={trans}
        />
        {columns.length > MANY && (
          <input
            type="search"
            className="jp-mod-styled jp-nbproof-Input"
            placeholder={trans.__('Find a column')}
            aria-label={trans.__('Find a compared column')}
            value={find}
            onChange={event => setFind(event.target.value)}
          />
        )}
      </div>
      <div
        className="jp-nbproof-Stats-scroll"
        // A wide table scrolls by itself, with the keyboard too.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        role="group"
        aria-label={trans.__('Changes of the columns')}
      >
        <table className="jp-nbproof-Stats jp-nbproof-Drift">
          <thead>
            <tr>
              <th scope="col">{trans.__('Column')}</th>
              <th scope="col">{trans.__('Drift')}</th>
              <th scope="col">{trans.__('Before and now')}</th>
              <th scope="col">{trans.__('What was found, and what to do')}</th>
              <th scope="col">{trans.__('Statistics')}</th>
            </tr>
          </thead>
          <tbody>
            {drawn.map((one, index) => {
              const typed = {
                kind: one.kind,
                type: types.get(one.name) ?? one.kind
              };
              const isOpen = open.has(one.name);
              return (
                <Fragment key={one.name}>
                  <ColumnRow
                    column={one}
                    typed={typed}
                    changed={changed.get(one.name) ?? null}
                    isOpen={isOpen}
                    detailId={`${id}${index}`}
                    onToggle={() => toggle(one.name)}
                    trans={trans}
                  />
                  {isOpen && (
                    <tr
                      id={`${id}${index}`}
                      className="jp-nbproof-Drift-detail"
                    >
                      <td colSpan={COLUMNS}>
                        <Detail column={one} typed={typed} trans={trans} />
                      </td>
                    </tr>
                  )}
                </Fragment>
              );
            })}
          </tbody>
        </table>
      </div>
      {found.length === 0 && (
        <p className="jp-nbproof-dim" role="status">
          {trans.__('No column has “%1” in its name.', find.trim())}
        </p>
      )}
      {found.length > drawn.length && (
        <button
          type="button"
          className="jp-nbproof-LinkButton"
          onClick={() => setWhole(true)}
        >
          {trans.__('Show all %1 columns', countText(found.length))}
        </button>
      )}
    </>
  );
}

function ColumnRow({
  column,
  typed,
  changed,
  isOpen,
  detailId,
  onToggle,
  trans
}: {
  column: ColumnDriftView;
  typed: Typed;
  changed: ChangedColumn | null;
  isOpen: boolean;
  detailId: string;
  onToggle: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const paired = useMemo(() => pairedOf(column), [column]);
  const Caret = isOpen ? caretDownIcon : caretRightIcon;
  return (
    <tr data-column={column.name}>
      <th scope="row">
        <button
          type="button"
          className="jp-nbproof-Drift-name"
          aria-expanded={isOpen}
          aria-controls={isOpen ? detailId : undefined}
          title={column.name}
          onClick={onToggle}
        >
          <Caret.react tag="span" className="jp-nbproof-Experiment-caret" />
          <ColumnName name={column.name} trans={trans} />
        </button>
      </th>
      <td>
        {column.too_few_rows && column.severity === 'none' ? (
          <span className="jp-nbproof-dim">{trans.__('Too few rows')}</span>
        ) : (
          <SeverityMark severity={column.severity} trans={trans} />
        )}
      </td>
      <td>
        {paired !== null && (
          <PairedHistogram
            name={column.name}
            paired={paired}
            typed={typed}
            trans={trans}
          />
        )}
      </td>
      <td className="jp-nbproof-Drift-text">
        {column.sentence}
        {column.severity !== 'none' && (
          <span className="jp-nbproof-dim"> {column.action}</span>
        )}
      </td>
      <td className="jp-nbproof-Drift-statistics">
        {changed !== null && (
          <Statistics changed={changed} typed={typed} trans={trans} />
        )}
      </td>
    </tr>
  );
}

/** Which of a column's statistics are others now, and in how many rows that did not come or go. */
function Statistics({
  changed,
  typed,
  trans
}: {
  changed: ChangedColumn;
  typed: Typed;
  trans: TranslationBundle;
}): JSX.Element {
  const told = (name: string, value: unknown): string =>
    VALUES.has(name)
      ? valueText(typed, value)
      : COUNTS.has(name)
        ? countText(toNumber(value))
        : typed.kind === 'datetime'
          ? ''
          : formatShort(toNumber(value));
  const lines = changed.changed
    .filter(name => name in changed.before && name in changed.after)
    .map(
      name =>
        [
          name,
          told(name, changed.before[name]),
          told(name, changed.after[name])
        ] as const
    )
    // What looks the same to so many digits says nothing.
    .filter(([, was, is]) => was !== is);
  return (
    <ul>
      {changed.rows > 0 && (
        <li>
          {trans._n(
            '%2 row changed',
            '%2 rows changed',
            changed.rows,
            countText(changed.rows)
          )}
        </li>
      )}
      {lines.map(([name, was, is]) => (
        <li key={name}>
          <span className="jp-nbproof-dim">{statisticWord(name, trans)}</span>{' '}
          {was} → {is}
        </li>
      ))}
    </ul>
  );
}

const VALUES: ReadonlySet<string> = new Set([
  'mean',
  'median',
  'minimum',
  'maximum'
]);
const COUNTS: ReadonlySet<string> = new Set([
  'missing',
  'nans',
  'distinct',
  'zeros'
]);

function statisticWord(name: string, trans: TranslationBundle): string {
  switch (name) {
    case 'missing':
      return trans.__('missing');
    case 'nans':
      return trans.__('NaN');
    case 'distinct':
      return trans.__('distinct');
    case 'mean':
      return trans.__('mean');
    case 'std':
      return trans.__('std');
    case 'minimum':
      return trans.__('min');
    case 'median':
      return trans.__('median');
    case 'maximum':
      return trans.__('max');
    case 'zeros':
      return trans.__('zeros');
    default:
      return name;
  }
}

/** What the statistics and the test say already. */
const SAID: ReadonlySet<string> = new Set([
  'distance',
  'missing_reference',
  'missing_current',
  'median_reference',
  'median_current'
]);

function effectWord(name: string, trans: TranslationBundle): string {
  switch (name) {
    case 'stability_index':
      return trans.__('PSI');
    case 'jensen_shannon':
      return trans.__('Jensen–Shannon');
    case 'wasserstein_iqr':
      return trans.__('Wasserstein / IQR');
    case 'cramers_v':
      return trans.__('Cramér’s V');
    case 'total_variation':
      return trans.__('total variation');
    case 'out_of_range':
      return trans.__('share out of range');
    case 'missing_change':
      return trans.__('change of missing share');
    case 'new_share':
      return trans.__('share of new values');
    case 'vanished_share':
      return trans.__('share of vanished values');
    default:
      return name.replaceAll('_', ' ');
  }
}

/** The histograms with axes, every finding, and the figures behind them. */
function Detail({
  column,
  typed,
  trans
}: {
  column: ColumnDriftView;
  typed: Typed;
  trans: TranslationBundle;
}): JSX.Element {
  const paired = useMemo(() => pairedOf(column), [column]);
  const figure = (value: unknown): string => formatShort(toNumber(value));
  const facts: (readonly [string, string])[] = [
    ...(column.test !== '' && column.statistic !== null
      ? [[column.test, figure(column.statistic)] as const]
      : []),
    ...(column.p_adjusted !== null
      ? [[trans.__('p, adjusted'), figure(column.p_adjusted)] as const]
      : []),
    ...Object.entries(column.effects)
      .filter(([name]) => !SAID.has(name))
      .map(
        ([name, value]) => [effectWord(name, trans), figure(value)] as const
      ),
    [trans.__('values before'), countText(column.reference_count)],
    [trans.__('values now'), countText(column.current_count)]
  ];
  return (
    <div className="jp-nbproof-Drift-both">
      {paired !== null && (
        <PairedPlot
          name={column.name}
          paired={paired}
          typed={typed}
          trans={trans}
        />
      )}
      <div>
        {column.findings.length > 1 && (
          <ul className="jp-nbproof-Findings">
            {column.findings.map((one, index) => (
              <li key={index}>
                <SeverityMark severity={one.severity} trans={trans} />
                <span>
                  {one.sentence}{' '}
                  <span className="jp-nbproof-dim">{one.action}</span>
                </span>
              </li>
            ))}
          </ul>
        )}
        <dl className="jp-nbproof-Drift-facts">
          {facts.map(([word, value]) => (
            <div key={word}>
              <dt>{word}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </div>
    </div>
  );
}
