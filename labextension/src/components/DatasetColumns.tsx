import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, useEffect, useState } from 'react';

import {
  countText,
  isUnique,
  shareText,
  shortValueText,
  topOf,
  valueText
} from '../figures/dataset';
import type { Columns } from '../models/dataset';
import type {
  ColumnSummary,
  DatasetField,
  DatasetVersion
} from '../services/api';
import { ColumnName } from './ColumnName';
import { Notice } from './Notice';
import { Section } from './Section';
import { Skeleton } from './Skeleton';
import { SmallHistogram } from './SmallHistogram';
import { problemLine, problemWords } from './words';

/** More columns than this are searched rather than read. */
const MANY = 15;
/** Rows drawn at first: a table of thousands of columns would be slow, and nobody reads it. */
const DRAWN = 100;

/** The columns of a version: types, statistics and how the values lie. */
export function DatasetColumns(props: DatasetColumns.IProps): JSX.Element {
  const { version, columns, onLoad, trans } = props;
  useEffect(() => {
    onLoad();
    // `onLoad` is the same for the life of the page.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [version.id]);
  const { fields } = version;
  if (version.kind === 'folder' && fields.length === 0) {
    return (
      <p className="jp-nbproof-Curves-none jp-nbproof-dim">
        {trans.__('A folder has no columns; its files are kept as they are.')}
      </p>
    );
  }
  if (columns.problem !== null && fields.length === 0) {
    const words = problemWords(columns.problem, trans);
    return columns.problem.kind === 'refused' ? (
      <p className="jp-nbproof-Curves-none jp-nbproof-dim">
        {trans.__('No columns can be shown: %1', words.title)}
      </p>
    ) : (
      <Notice
        kind="page"
        title={words.title}
        actions={[{ label: trans.__('Retry'), onClick: props.onRetry }]}
      >
        {words.text}
      </Notice>
    );
  }
  if (columns.summaries === null && fields.length === 0) {
    return <Skeleton rows={6} label={trans.__('Loading the columns…')} />;
  }
  return <ColumnTable {...props} />;
}

export namespace DatasetColumns {
  export interface IProps {
    version: DatasetVersion;
    columns: Columns;
    onLoad: () => void;
    onRetry: () => void;
    trans: TranslationBundle;
  }
}

/** What is known of a column: its statistics come a moment after its type. */
interface Known {
  readonly field: DatasetField;
  readonly summary: ColumnSummary | null;
}

function knownOf({
  version,
  columns
}: DatasetColumns.IProps): readonly Known[] {
  const summaries = columns.summaries?.columns ?? [];
  if (version.fields.length === 0) {
    return summaries.map(summary => ({
      field: {
        name: summary.name,
        type: summary.type,
        type_words: summary.type_words,
        nullable: true
      },
      summary
    }));
  }
  return version.fields.map((field, index) => ({
    field,
    summary:
      summaries.at(index)?.name === field.name
        ? summaries[index]
        : (summaries.find(one => one.name === field.name) ?? null)
  }));
}

function ColumnTable(props: DatasetColumns.IProps): JSX.Element {
  const { columns, trans } = props;
  const [find, setFind] = useState('');
  const [isWhole, setWhole] = useState(false);
  const known = knownOf(props);
  const wanted = find.trim().toLowerCase();
  const found = known.filter(
    ({ field }) =>
      field.name.toLowerCase().includes(wanted) ||
      field.type_words.toLowerCase().includes(wanted)
  );
  const drawn = isWhole ? found : found.slice(0, DRAWN);
  return (
    <Section
      title={trans.__('Columns')}
      count={known.length}
      tools={
        known.length > MANY && (
          <input
            type="search"
            className="jp-mod-styled jp-nbproof-Input"
            placeholder={trans.__('Find a column')}
            aria-label={trans.__('Find a column')}
            value={find}
            onChange={event => setFind(event.target.value)}
          />
        )
      }
    >
      {columns.problem !== null && (
        <Notice
          kind="error"
          title={trans.__('The statistics could not be read')}
          actions={[{ label: trans.__('Retry'), onClick: props.onRetry }]}
        >
          {problemLine(columns.problem, trans)}
        </Notice>
      )}
      {/* A wide table scrolls by itself, with the keyboard too. */}
      <div
        className="jp-nbproof-Stats-scroll"
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        role="group"
        aria-label={trans.__('Statistics of the columns')}
      >
        <table
          className="jp-nbproof-Stats"
          aria-busy={columns.phase === 'loading'}
        >
          <thead>
            <tr>
              <th scope="col">{trans.__('Column')}</th>
              <th scope="col">{trans.__('Distribution')}</th>
              <th scope="col">{trans.__('Missing')}</th>
              <th scope="col">{trans.__('Distinct')}</th>
              <th scope="col">{trans.__('Mean')}</th>
              <th scope="col">{trans.__('Std')}</th>
              <th scope="col">{trans.__('Min')}</th>
              <th scope="col">{trans.__('25 %')}</th>
              <th scope="col">{trans.__('Median')}</th>
              <th scope="col">{trans.__('75 %')}</th>
              <th scope="col">{trans.__('Max')}</th>
            </tr>
          </thead>
          <tbody>
            {drawn.map((one, index) => (
              <ColumnRow
                key={index}
                known={one}
                isLoading={columns.phase === 'loading'}
                trans={trans}
              />
            ))}
          </tbody>
        </table>
      </div>
      {found.length === 0 && (
        <p className="jp-nbproof-dim" role="status">
          {trans.__('No column has “%1” in its name or type.', find.trim())}
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
    </Section>
  );
}

function ColumnRow({
  known: { field, summary },
  isLoading,
  trans
}: {
  known: Known;
  isLoading: boolean;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <tr data-column={field.name}>
      <th scope="row">
        <ColumnName name={field.name} trans={trans} />
        <span className="jp-nbproof-Stats-type" title={field.type}>
          {field.type_words}
        </span>
      </th>
      {summary === null ? (
        <td colSpan={10}>
          {isLoading && (
            <span className="jp-nbproof-Stats-wait jp-nbproof-isLoading" />
          )}
        </td>
      ) : (
        <Figures summary={summary} trans={trans} />
      )}
    </tr>
  );
}

function Figures({
  summary,
  trans
}: {
  summary: ColumnSummary;
  trans: TranslationBundle;
}): JSX.Element {
  const { rows, missing, distinct, distinct_exact: isExact } = summary;
  const isRange = summary.kind === 'numeric' || summary.kind === 'datetime';
  return (
    <>
      <td>
        <SmallHistogram column={summary} trans={trans} />
      </td>
      <td
        title={trans.__('%1 of %2 rows', countText(missing), countText(rows))}
      >
        {missing === 0 ? (
          <span className="jp-nbproof-dim">0</span>
        ) : (
          shareText(missing, rows)
        )}
      </td>
      <td title={isExact ? undefined : trans.__('Estimated to about 2 %')}>
        {isExact ? countText(distinct) : trans.__('≈ %1', countText(distinct))}
      </td>
      {isRange ? (
        [
          summary.kind === 'datetime' ? null : summary.mean,
          summary.kind === 'datetime' ? null : summary.std,
          summary.minimum,
          summary.lower_quartile,
          summary.median,
          summary.upper_quartile,
          summary.maximum
        ].map((value, index) => (
          <td key={index} title={valueText(summary, value)}>
            {shortValueText(summary, value)}
          </td>
        ))
      ) : (
        <td colSpan={7} className="jp-nbproof-Stats-top">
          <Frequent summary={summary} trans={trans} />
        </td>
      )}
    </>
  );
}

/** The values that are most often there, with their share of the rows that have any. */
function Frequent({
  summary,
  trans
}: {
  summary: ColumnSummary;
  trans: TranslationBundle;
}): JSX.Element | null {
  const present = summary.rows - summary.missing;
  const shown = topOf(summary).slice(0, 3);
  if (shown.length === 0) {
    return null;
  }
  if (isUnique(summary)) {
    return (
      <span className="jp-nbproof-dim">
        {trans.__('no value twice, for instance “%1”', shown[0][0])}
      </span>
    );
  }
  return (
    <ul>
      {shown.map(([value, count], index) => (
        <li key={index} title={`${value}: ${countText(count)}`}>
          <bdi>{value === '' ? '""' : value}</bdi>{' '}
          <span className="jp-nbproof-dim">{shareText(count, present)}</span>
        </li>
      ))}
    </ul>
  );
}
