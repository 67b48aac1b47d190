import type { TranslationBundle } from '@jupyterlab/translation';
import {
  checkIcon,
  copyIcon,
  downloadIcon,
  refreshIcon
} from '@jupyterlab/ui-components';
import { JSX, ReactNode, useId } from 'react';

import type { Across } from '../figures/chart';
import { formatBytes, formatValue, shortPath } from '../figures/numbers';
import { formatDuration } from '../figures/time';
import { nbproofIcon } from '../icons';
import type { History } from '../models/run';
import type { Artifact, Metric, Run } from '../services/api';
import type { Problem } from '../services/problem';
import { MetricCard } from './MetricCard';
import { Notes } from './Notes';
import { Notice } from './Notice';
import { Skeleton } from './Skeleton';
import { StatusMark } from './StatusMark';
import { useNow } from './useNow';
import { instantWord, problemWords, shortId, statusWord } from './words';

/** Everything about one run, on one page. */
export function RunView(props: RunView.IProps): JSX.Element {
  const { run, problem, actions, trans } = props;
  if (run === null) {
    if (problem === null) {
      return <Skeleton rows={10} label={trans.__('Loading the run…')} />;
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
    <div className="jp-nbproof-RunView-page" data-stale={problem !== null}>
      {problem !== null && (
        <Notice
          kind="error"
          title={problemWords(problem, trans).title}
          actions={[{ label: trans.__('Retry'), onClick: actions.refresh }]}
        >
          {problemWords(problem, trans).text}
        </Notice>
      )}
      <Header {...props} run={run} />
      <div className="jp-nbproof-RunView-columns">
        <div className="jp-nbproof-RunView-main">
          <Metrics {...props} />
          <Artifacts {...props} artifacts={run.artifacts} />
        </div>
        <div className="jp-nbproof-RunView-side">
          <Params run={run} trans={trans} />
          <Tags run={run} trans={trans} />
          {run.notes !== null && run.notes !== '' && (
            <Section title={trans.__('Notes')}>
              <Notes text={run.notes} render={props.renderNotes} />
            </Section>
          )}
          <Provenance run={run} trans={trans} />
        </div>
      </div>
    </div>
  );
}

export namespace RunView {
  export interface IActions {
    refresh: () => void;
    copyId: () => void;
    openParent: () => void;
    watch: (metric: string) => void;
    setAcross: (across: Across) => void;
    setLog: (isLog: boolean) => void;
    download: (artifact: string) => void;
  }

  export interface IProps {
    run: Run | null;
    /** The run that it is part of, once it is known. */
    parent: Run | null;
    /** Draws Markdown; null where JupyterLab offers nothing for that. */
    renderNotes: Notes.Render | null;
    metrics: readonly Metric[];
    /** Whether there are more metrics than these. */
    isCut: boolean;
    historyOf: (metric: string) => History | null;
    across: Across;
    isLog: boolean;
    downloading: ReadonlySet<string>;
    /** Whether the id has just been copied. */
    isCopied: boolean;
    problem: Problem | null;
    actions: IActions;
    trans: TranslationBundle;
  }
}

function Section({
  title,
  count,
  tools,
  children
}: {
  title: string;
  count?: number;
  tools?: ReactNode;
  children: ReactNode;
}): JSX.Element {
  const id = useId();
  return (
    <section className="jp-nbproof-Section" aria-labelledby={id}>
      <div className="jp-nbproof-Section-head">
        <h2 id={id}>
          {title}
          {count !== undefined && (
            <span className="jp-nbproof-Section-count"> {count}</span>
          )}
        </h2>
        {tools}
      </div>
      {children}
    </section>
  );
}

function Header({
  run,
  parent,
  isCopied,
  actions,
  trans
}: RunView.IProps & { run: Run }): JSX.Element {
  const isLive = run.status === 'running';
  const now = useNow(isLive ? 1000 : 0);
  const ended = run.ended === null ? now : Date.parse(run.ended);
  const Copy = isCopied ? checkIcon : copyIcon;
  return (
    <header className="jp-nbproof-RunView-head">
      <div className="jp-nbproof-RunView-title">
        <h1>{run.name}</h1>
        <span className="jp-nbproof-Badge" data-status={run.status}>
          <StatusMark status={run.status} trans={trans} />
          <span aria-hidden="true">{statusWord(run.status, trans)}</span>
        </span>
        <button
          type="button"
          className="jp-nbproof-IconButton"
          aria-label={trans.__('Refresh')}
          title={trans.__('Refresh')}
          onClick={actions.refresh}
        >
          <refreshIcon.react tag="span" />
        </button>
      </div>
      <dl className="jp-nbproof-Facts">
        <Fact word={trans.__('Experiment')}>{run.experiment}</Fact>
        {run.parent_id !== null && (
          <Fact word={trans.__('Part of')}>
            <button
              type="button"
              role="link"
              className="jp-nbproof-LinkButton"
              title={run.parent_id}
              onClick={actions.openParent}
            >
              {parent?.name ?? shortId(run.parent_id)}
            </button>
          </Fact>
        )}
        <Fact word={trans.__('Started')}>{instantWord(run.started)}</Fact>
        <Fact word={trans.__('Duration')}>
          {run.ended === null && !isLive
            ? trans.__('unknown')
            : formatDuration(ended - Date.parse(run.started))}
        </Fact>
        <Fact word={trans.__('Run id')}>
          <button
            type="button"
            className="jp-nbproof-CopyButton"
            title={trans.__('Copy %1', run.id)}
            aria-label={trans.__('Copy the run id %1', run.id)}
            onClick={actions.copyId}
          >
            <code>{shortId(run.id)}</code>
            <Copy.react tag="span" />
          </button>
          <span className="jp-nbproof-hidden" aria-live="polite">
            {isCopied ? trans.__('Copied') : ''}
          </span>
        </Fact>
      </dl>
    </header>
  );
}

function Fact({
  word,
  children
}: {
  word: string;
  children: ReactNode;
}): JSX.Element {
  return (
    <div className="jp-nbproof-Fact">
      <dt>{word}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Metrics(props: RunView.IProps): JSX.Element {
  const { metrics, across, isLog, actions, trans } = props;
  return (
    <Section
      title={trans.__('Metrics')}
      count={metrics.length}
      tools={
        metrics.length > 0 && (
          <div className="jp-nbproof-Tools">
            <Choice
              label={trans.__('Across')}
              options={[
                {
                  word: trans.__('Step'),
                  isOn: across === 'step',
                  choose: () => actions.setAcross('step')
                },
                {
                  word: trans.__('Time'),
                  isOn: across === 'time',
                  choose: () => actions.setAcross('time')
                }
              ]}
            />
            <Choice
              label={trans.__('Scale')}
              options={[
                {
                  word: trans.__('Linear'),
                  isOn: !isLog,
                  choose: () => actions.setLog(false)
                },
                {
                  word: trans.__('Log'),
                  isOn: isLog,
                  choose: () => actions.setLog(true)
                }
              ]}
            />
          </div>
        )
      }
    >
      {metrics.length === 0 ? (
        <p className="jp-nbproof-dim">
          {trans.__(
            'No metrics yet. Log one with nbp.log_metric("auc", 0.91).'
          )}
        </p>
      ) : (
        <div className="jp-nbproof-Metrics">
          {metrics.map(metric => (
            <MetricCard
              key={metric.name}
              metric={metric}
              history={props.historyOf(metric.name)}
              across={across}
              isLog={isLog}
              trans={trans}
              onWatch={actions.watch}
            />
          ))}
        </div>
      )}
      {props.isCut && (
        <p className="jp-nbproof-dim">
          {trans.__('This run has more metrics than are shown here.')}
        </p>
      )}
    </Section>
  );
}

/** A few ways of which one is on. */
function Choice({
  label,
  options
}: {
  label: string;
  options: readonly { word: string; isOn: boolean; choose: () => void }[];
}): JSX.Element {
  return (
    <div className="jp-nbproof-Choice" role="group" aria-label={label}>
      {options.map(option => (
        <button
          key={option.word}
          type="button"
          aria-pressed={option.isOn}
          onClick={option.choose}
        >
          {option.word}
        </button>
      ))}
    </div>
  );
}

function Table({
  label,
  rows
}: {
  label: string;
  /** Name, value, and the value in full where that is longer. */
  rows: readonly (readonly [string, string, string?])[];
}): JSX.Element {
  return (
    <table className="jp-nbproof-Table" aria-label={label}>
      <tbody>
        {rows.map(([key, value, full]) => (
          <tr key={key}>
            <th scope="row" title={key}>
              {key}
            </th>
            <td title={full ?? value}>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Params({
  run,
  trans
}: {
  run: Run;
  trans: TranslationBundle;
}): JSX.Element {
  const rows = Object.entries(run.params)
    .sort(byName)
    .map(([key, value]) => [key, formatValue(value)] as const);
  return (
    <Section title={trans.__('Params')} count={rows.length}>
      {rows.length === 0 ? (
        <p className="jp-nbproof-dim">{trans.__('No params.')}</p>
      ) : (
        <Table label={trans.__('Params')} rows={rows} />
      )}
    </Section>
  );
}

function Tags({
  run,
  trans
}: {
  run: Run;
  trans: TranslationBundle;
}): JSX.Element | null {
  const tags = Object.entries(run.tags).sort(byName);
  if (tags.length === 0) {
    return null;
  }
  return (
    <Section title={trans.__('Tags')} count={tags.length}>
      <ul className="jp-nbproof-Tags">
        {tags.map(([key, value]) => (
          <li key={key} title={`${key}: ${value}`}>
            <span className="jp-nbproof-Tags-key">{key}</span>
            {value !== '' && <span>{value}</span>}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Artifacts({
  artifacts,
  downloading,
  actions,
  trans
}: RunView.IProps & { artifacts: readonly Artifact[] }): JSX.Element | null {
  if (artifacts.length === 0) {
    return null;
  }
  return (
    <Section title={trans.__('Artifacts')} count={artifacts.length}>
      <table className="jp-nbproof-Table jp-nbproof-Artifacts">
        <thead>
          <tr>
            <th scope="col">{trans.__('Name')}</th>
            <th scope="col">{trans.__('Type')}</th>
            <th scope="col">{trans.__('Size')}</th>
            <th scope="col">
              <span className="jp-nbproof-hidden">{trans.__('Download')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {artifacts.map(artifact => (
            <tr key={artifact.name}>
              <th scope="row" title={artifact.name}>
                {artifact.name}
              </th>
              <td>{artifact.media_type}</td>
              <td>{formatBytes(artifact.size_bytes)}</td>
              <td>
                <button
                  type="button"
                  className="jp-nbproof-IconButton"
                  aria-label={trans.__('Download %1', artifact.name)}
                  title={trans.__('Download %1', artifact.name)}
                  disabled={downloading.has(artifact.name)}
                  onClick={() => actions.download(artifact.name)}
                >
                  <downloadIcon.react tag="span" />
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

function Provenance({
  run,
  trans
}: {
  run: Run;
  trans: TranslationBundle;
}): JSX.Element {
  const { git } = run;
  const commit = git?.commit ?? null;
  const rows: [string, string | null | undefined, string?][] = [
    [
      trans.__('Source'),
      run.source === null ? null : shortPath(run.source),
      run.source ?? undefined
    ],
    [trans.__('Branch'), git?.branch],
    [
      trans.__('Commit'),
      commit === null
        ? null
        : git?.dirty === true
          ? trans.__('%1, with uncommitted changes', commit.slice(0, 10))
          : commit.slice(0, 10),
      commit ?? undefined
    ],
    [trans.__('Code'), run.code?.slice(0, 12), run.code ?? undefined],
    [trans.__('Python'), run.python],
    [trans.__('User'), run.user],
    [trans.__('Host'), run.host]
  ];
  const known = rows.flatMap(([key, value, full]) =>
    value === null || value === undefined || value === ''
      ? []
      : [[key, value, full] as const]
  );
  return (
    <Section title={trans.__('Where it came from')}>
      <Table label={trans.__('Where it came from')} rows={known} />
      {git === null && (
        <p className="jp-nbproof-dim">{trans.__('Not in a git repository.')}</p>
      )}
    </Section>
  );
}

const byName = (
  [a]: readonly [string, unknown],
  [b]: readonly [string, unknown]
): number => a.localeCompare(b, undefined, { numeric: true });
