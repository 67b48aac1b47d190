import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, linkIcon } from '@jupyterlab/ui-components';
import { JSX, ReactNode } from 'react';

import { naturally } from '../figures/columns';
import { CompareTab, Plot } from '../figures/link';
import { fullName } from '../figures/names';
import { formatNumber, formatValue, toNumber } from '../figures/numbers';
import { formatDuration } from '../figures/time';
import { nbproofIcon } from '../icons';
import type { CompareModel } from '../models/compare';
import type { ComparedValues, Comparison, Run } from '../services/api';
import { ChartsPane, plotWords } from './ChartsPane';
import { factValue } from './EnvironmentTab';
import { Notice } from './Notice';
import { Diff } from './RunArtifacts';
import { RunName } from './RunName';
import { Section } from './Section';
import { Skeleton } from './Skeleton';
import { StatusMark } from './StatusMark';
import { Swatch } from './Swatch';
import { Tabs } from './Tabs';
import {
  factWord,
  minuteWord,
  problemWords,
  shortId,
  statusWord
} from './words';

/** Some runs side by side: what they differ in, and what came of it. */
export function CompareView(props: CompareView.IProps): JSX.Element {
  const { model, actions, trans } = props;
  const { comparison, problem, state } = model;
  if (comparison === null) {
    if (problem === null) {
      return <Skeleton rows={10} label={trans.__('Loading the runs…')} />;
    }
    const words = problemWords(problem, trans);
    return (
      <Notice
        kind="page"
        icon={nbproofIcon}
        title={words.title}
        actions={[
          { label: trans.__('Retry'), onClick: actions.refresh, isMain: true }
        ]}
      >
        {words.text}
      </Notice>
    );
  }
  return (
    <div className="jp-nbproof-CompareView-page" data-stale={problem !== null}>
      {problem !== null && (
        <Notice
          kind="error"
          title={problemWords(problem, trans).title}
          actions={[{ label: trans.__('Retry'), onClick: actions.refresh }]}
        >
          {problemWords(problem, trans).text}
        </Notice>
      )}
      <header className="jp-nbproof-RunView-title">
        <h1>
          {trans._n('%1 run compared', '%1 runs compared', model.runs.length)}
        </h1>
        <button
          type="button"
          className="jp-nbproof-IconButton"
          aria-label={trans.__('Copy a link to this view')}
          title={
            props.isCopied
              ? trans.__('Copied')
              : trans.__('Copy a link to this view')
          }
          data-done={props.isCopied || undefined}
          onClick={actions.copyLink}
        >
          <linkIcon.react tag="span" />
        </button>
        <span className="jp-nbproof-hidden" aria-live="polite">
          {props.isCopied ? trans.__('Copied') : ''}
        </span>
      </header>
      <Tabs<CompareTab>
        label={trans.__('Ways to compare')}
        tab={state.tab}
        tabs={[['table', trans.__('Table')], ...plotWords(trans)]}
        onChoose={tab => model.setState({ tab })}
      >
        {state.tab === 'table' ? (
          <Sides {...props} comparison={comparison} />
        ) : (
          <>
            <Legend {...props} />
            <ChartsPane
              runs={model.runs}
              plotted={model.runs}
              looks={model.looks}
              namesakes={model.namesakes}
              courses={model.courses}
              version={props.version}
              charts={state.charts}
              plot={state.tab satisfies Plot}
              trans={trans}
              onChange={change => model.setCharts(change)}
              onOpen={actions.openRun}
            />
          </>
        )}
      </Tabs>
    </div>
  );
}

export namespace CompareView {
  export interface IActions {
    refresh: () => void;
    copyLink: () => void;
    openRun: (run: Run) => void;
  }

  export interface IProps {
    model: CompareModel;
    /** Counts the courses that came. */
    version: number;
    isCopied: boolean;
    actions: IActions;
    trans: TranslationBundle;
  }
}

function Legend({ model, actions }: CompareView.IProps): JSX.Element {
  const told = model.namesakes;
  return (
    <ul className="jp-nbproof-Legend">
      {model.runs.map(run => (
        <li key={run.id}>
          <Swatch look={model.looks.get(run.id) ?? null} />
          <button
            type="button"
            className="jp-nbproof-LinkButton"
            title={`${run.name} (${shortId(run.id)})`}
            onClick={() => actions.openRun(run)}
          >
            <RunName name={run.name} apart={told.get(run.id)} />
          </button>
        </li>
      ))}
    </ul>
  );
}

function Sides({
  model,
  comparison,
  actions,
  trans
}: CompareView.IProps & { comparison: Comparison }): JSX.Element {
  const { onlyDifferent } = model.state;
  const told = model.namesakes;
  const { runs } = comparison;
  return (
    <>
      <label className="jp-nbproof-CompareView-only">
        <input
          type="checkbox"
          checked={onlyDifferent}
          onChange={event =>
            model.setState({ onlyDifferent: event.target.checked })
          }
        />
        {trans.__('Only what differs')}
      </label>
      <div className="jp-nbproof-CompareView-scroll">
        <table className="jp-nbproof-Sides">
          <thead>
            <tr>
              <th
                scope="col"
                className="jp-nbproof-Sides-head jp-nbproof-Sides-corner"
              >
                <span className="jp-nbproof-hidden">{trans.__('Name')}</span>
              </th>
              {runs.map(run => (
                <th key={run.id} scope="col" className="jp-nbproof-Sides-head">
                  <div className="jp-nbproof-Sides-run">
                    <Swatch look={model.looks.get(run.id) ?? null} />
                    <button
                      type="button"
                      className="jp-nbproof-LinkButton"
                      title={`${run.name} (${run.id})`}
                      onClick={() => actions.openRun(run)}
                    >
                      <RunName name={run.name} apart={told.get(run.id)} />
                    </button>
                    {runs.length > 2 && (
                      <button
                        type="button"
                        className="jp-nbproof-IconButton"
                        aria-label={trans.__(
                          'Take %1 out',
                          fullName(run, told)
                        )}
                        title={trans.__('Take %1 out', fullName(run, told))}
                        onClick={() => model.remove(run.id)}
                      >
                        <closeIcon.react tag="span" />
                      </button>
                    )}
                  </div>
                </th>
              ))}
            </tr>
          </thead>
          <RunFacts runs={runs} trans={trans} />
          {sectionsOf(comparison, trans).map(([key, title, rows]) => {
            const shown = onlyDifferent
              ? rows.filter(row => row.differs)
              : rows;
            return (
              shown.length > 0 && (
                <Rows
                  key={key}
                  title={title}
                  rows={shown}
                  section={key}
                  trans={trans}
                />
              )
            );
          })}
        </table>
        <Patches comparison={comparison} told={told} trans={trans} />
      </div>
    </>
  );
}

function RunFacts({
  runs,
  trans
}: {
  runs: readonly Run[];
  trans: TranslationBundle;
}): JSX.Element {
  const facts: readonly (readonly [string, (run: Run) => ReactNode])[] = [
    [
      trans.__('Status'),
      run => (
        <span className="jp-nbproof-Sides-status">
          <StatusMark status={run.status} trans={trans} />
          <span aria-hidden="true">{statusWord(run.status, trans)}</span>
        </span>
      )
    ],
    [trans.__('Experiment'), run => run.experiment],
    ...(runs.some(run => run.group !== null)
      ? [[trans.__('Group'), (run: Run) => run.group ?? '–'] as const]
      : []),
    [trans.__('Started'), run => minuteWord(run.started)],
    [
      trans.__('Duration'),
      run => {
        const now = run.status === 'running' ? Date.now() : NaN;
        const ended = run.ended === null ? now : Date.parse(run.ended);
        return isNaN(ended)
          ? '–'
          : formatDuration(ended - Date.parse(run.started));
      }
    ]
  ];
  return (
    <tbody>
      {facts.map(([word, show]) => (
        <tr key={word}>
          <th scope="row">{word}</th>
          {runs.map(run => (
            <td key={run.id}>{show(run)}</td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

/** How the code of a newer server's runs differs from the first one's. */
function Patches({
  comparison,
  told,
  trans
}: {
  comparison: Comparison;
  told: ReadonlyMap<string, string>;
  trans: TranslationBundle;
}): JSX.Element | null {
  const names = comparison.runs.map(run => fullName(run, told));
  const found = (comparison as unknown as { code_differences?: unknown })
    .code_differences;
  if (!Array.isArray(found)) {
    return null;
  }
  return (
    <>
      {(found as readonly IPatch[]).map((one, index) => {
        const others = one.runs.map(place => names[place]).join(', ');
        return (
          <Section
            key={index}
            title={trans.__('Code of %1 against %2', others, names[0])}
          >
            {typeof one.patch === 'string' && <Diff text={one.patch} />}
            {typeof one.missing === 'string' && (
              <p className="jp-nbproof-dim">{one.missing}</p>
            )}
          </Section>
        );
      })}
    </>
  );
}

interface IPatch {
  readonly runs: readonly number[];
  readonly patch?: string | null;
  readonly missing?: string | null;
}

type SectionRows = readonly [string, string, readonly ComparedValues[]];

/** The sections this release knows, and those that a newer server sends besides. */
function sectionsOf(
  comparison: Comparison,
  trans: TranslationBundle
): SectionRows[] {
  const words: Readonly<Record<string, string>> = {
    params: trans.__('Params'),
    metrics: trans.__('Metrics'),
    tags: trans.__('Tags'),
    environment: trans.__('Environment'),
    packages: trans.__('Packages'),
    git: trans.__('Code')
  };
  const all = Object.entries(comparison as unknown as Record<string, unknown>);
  const order = Object.keys(words);
  const place = (key: string): number =>
    order.includes(key) ? order.indexOf(key) : order.length;
  return all
    .flatMap(([key, rows]): SectionRows[] =>
      isRows(rows) ? [[key, words[key] ?? key, sorted(rows)]] : []
    )
    .sort(([a], [b]) => place(a) - place(b));
}

/** What differs first; names with numbers in the order of these. */
const sorted = (rows: readonly ComparedValues[]): ComparedValues[] =>
  [...rows].sort(
    (a, b) => Number(b.differs) - Number(a.differs) || naturally(a.key, b.key)
  );

const isRows = (value: unknown): value is ComparedValues[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every(
    (one: unknown) =>
      typeof one === 'object' &&
      one !== null &&
      'key' in one &&
      'values' in one &&
      'differs' in one
  );

function Rows({
  title,
  rows,
  section,
  trans
}: {
  title: string;
  rows: readonly ComparedValues[];
  section: string;
  trans: TranslationBundle;
}): JSX.Element {
  const count = rows[0].values.length;
  const isFacts = section === 'environment' || section === 'git';
  return (
    <tbody>
      <tr className="jp-nbproof-Sides-title">
        <th scope="rowgroup" colSpan={count + 1}>
          {title}{' '}
          <span className="jp-nbproof-Section-count">{rows.length}</span>
        </th>
      </tr>
      {rows.map(row => (
        <tr key={row.key} data-differs={row.differs} data-row={row.key}>
          <th scope="row" title={row.key}>
            {isFacts ? factWord(row.key, trans) : row.key}
          </th>
          {row.values.map((value, index) => {
            const isBest = row.best === index;
            const word =
              value === null
                ? ''
                : section === 'metrics'
                  ? formatNumber(toNumber(value))
                  : isFacts
                    ? factValue(row.key, value)
                    : formatValue(value);
            return (
              <td
                key={index}
                title={value === null ? undefined : formatValue(value)}
                data-best={isBest || undefined}
                data-missing={value === null || undefined}
              >
                {value === null ? '–' : word}
                {isBest && (
                  <svg
                    className="jp-nbproof-Best"
                    width={12}
                    height={12}
                    viewBox="0 0 12 12"
                    role="img"
                    aria-label={trans.__('best')}
                  >
                    <title>{trans.__('best')}</title>
                    <path d="M6 1l1.5 3.3 3.5.4-2.6 2.4.7 3.6L6 8.9l-3.1 1.8.7-3.6L1 4.7l3.5-.4z" />
                  </svg>
                )}
              </td>
            );
          })}
        </tr>
      ))}
    </tbody>
  );
}
