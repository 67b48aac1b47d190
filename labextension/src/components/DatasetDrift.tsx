import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, useId, useState } from 'react';

import { countText, versionName } from '../figures/dataset';
import { formatShort, toNumber } from '../figures/numbers';
import type {
  ColumnDriftView,
  ColumnSummary,
  DatasetVersion,
  DriftReport
} from '../services/api';
import type { DatasetView } from './DatasetView';
import { Notice } from './Notice';
import { Section } from './Section';
import { SeverityMark } from './SeverityMark';
import { Skeleton } from './Skeleton';
import { SmallHistogram } from './SmallHistogram';
import { problemWords } from './words';

type Props = DatasetView.IProps & { version: DatasetVersion };

/** What changed from another version to this one: columns, rows, and how the values lie. */
export function DatasetDrift(props: Props): JSX.Element {
  const { model, version, actions, trans } = props;
  const id = useId();
  const others = model.versions.filter(one => one.id !== version.id);
  const before =
    others.find(one => one.version < version.version) ?? others.at(0);
  const [chosen, setChosen] = useState<number | null>(null);
  const other = others.find(one => one.version === chosen) ?? before;
  if (other === undefined) {
    return (
      <p className="jp-nbproof-Curves-none jp-nbproof-dim">
        {trans.__('There is no other version to compare with.')}
      </p>
    );
  }
  const compared = model.comparedWith(other);
  return (
    <>
      <div className="jp-nbproof-DatasetView-use">
        <span className="jp-nbproof-Select">
          <label htmlFor={id}>{trans.__('Against')}</label>
          <select
            id={id}
            value={other.version}
            onChange={event => setChosen(Number(event.target.value))}
          >
            {others.map(one => (
              <option key={one.id} value={one.version}>
                {one.aliases.length > 0
                  ? trans.__('v%1 (%2)', one.version, one.aliases.join(', '))
                  : `v${one.version}`}
              </option>
            ))}
          </select>
        </span>
        <button
          type="button"
          className="jp-nbproof-ToolButton"
          data-main="true"
          disabled={compared.phase === 'loading'}
          onClick={() => actions.compare(other)}
        >
          {trans.__('Look for drift')}
        </button>
      </div>
      <SchemaChanges before={other} after={version} trans={trans} />
      {compared.phase === 'loading' && (
        <Skeleton rows={4} label={trans.__('Comparing…')} />
      )}
      {compared.problem !== null && (
        <Notice
          kind="error"
          title={problemWords(compared.problem, trans).title}
        >
          {problemWords(compared.problem, trans).text}
        </Notice>
      )}
      {compared.report !== null && (
        <Report
          report={compared.report}
          before={model.columnsOf(other).summaries?.columns ?? []}
          after={model.columnsOf(version).summaries?.columns ?? []}
          trans={trans}
        />
      )}
    </>
  );
}

/** Columns that came, went or have another type, and how many rows there are now. */
function SchemaChanges({
  before,
  after,
  trans
}: {
  before: DatasetVersion;
  after: DatasetVersion;
  trans: TranslationBundle;
}): JSX.Element {
  const old = new Map(before.fields.map(one => [one.name, one.type]));
  const now = new Map(after.fields.map(one => [one.name, one.type]));
  const changes = [
    ...after.fields
      .filter(one => !old.has(one.name))
      .map(one => trans.__('%1 (%2) is new', one.name, one.type)),
    ...before.fields
      .filter(one => !now.has(one.name))
      .map(one => trans.__('%1 (%2) is gone', one.name, one.type)),
    ...after.fields.flatMap(one => {
      const type = old.get(one.name);
      return type === undefined || type === one.type
        ? []
        : [trans.__('%1 was %2, is %3', one.name, type, one.type)];
    })
  ];
  const rows = (count: number | null): string =>
    count === null ? '–' : countText(count);
  return (
    <Section
      title={trans.__(
        'From %1 to %2',
        versionName(before.dataset, before.version),
        versionName(after.dataset, after.version)
      )}
    >
      <p>
        {trans.__(
          'Rows or files: %1, now %2.',
          rows(before.rows ?? before.files),
          rows(after.rows ?? after.files)
        )}{' '}
        {changes.length === 0 && trans.__('The columns are the same.')}
      </p>
      {changes.length > 0 && (
        <ul className="jp-nbproof-DatasetView-changes">
          {changes.map(text => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function Report({
  report,
  before,
  after,
  trans
}: {
  report: DriftReport;
  before: readonly ColumnSummary[];
  after: readonly ColumnSummary[];
  trans: TranslationBundle;
}): JSX.Element {
  const rank = (one: ColumnDriftView): number => -toNumber(one.score);
  const columns = [...report.columns].sort((a, b) => rank(a) - rank(b));
  return (
    <Section title={trans.__('Drift')} count={columns.length}>
      <p className="jp-nbproof-DatasetView-sentence">
        <SeverityMark severity={report.severity} trans={trans} />
        {report.sentence}
      </p>
      <p className="jp-nbproof-dim">{report.action}</p>
      <div className="jp-nbproof-Stats-scroll">
        <table className="jp-nbproof-Stats jp-nbproof-Drift">
          <thead>
            <tr>
              <th scope="col">{trans.__('Column')}</th>
              <th scope="col">{trans.__('Severity')}</th>
              <th scope="col">{trans.__('Score')}</th>
              <th scope="col">{trans.__('Before')}</th>
              <th scope="col">{trans.__('Now')}</th>
              <th scope="col">{trans.__('What was found, and what to do')}</th>
            </tr>
          </thead>
          <tbody>
            {columns.map(one => (
              <tr key={one.name} data-column={one.name}>
                <th scope="row">
                  <bdi title={one.name}>{one.name}</bdi>
                </th>
                <td>
                  <SeverityMark severity={one.severity} trans={trans} />
                </td>
                <td>{formatShort(toNumber(one.score))}</td>
                <td>
                  <Histogram columns={before} name={one.name} trans={trans} />
                </td>
                <td>
                  <Histogram columns={after} name={one.name} trans={trans} />
                </td>
                <td className="jp-nbproof-Drift-text">
                  {one.sentence}
                  {one.severity !== 'none' && (
                    <span className="jp-nbproof-dim"> {one.action}</span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

function Histogram({
  columns,
  name,
  trans
}: {
  columns: readonly ColumnSummary[];
  name: string;
  trans: TranslationBundle;
}): JSX.Element | null {
  const column = columns.find(one => one.name === name);
  return column === undefined ? null : (
    <SmallHistogram column={column} trans={trans} />
  );
}
