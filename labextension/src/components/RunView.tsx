import type { TranslationBundle } from '@jupyterlab/translation';
import {
  checkIcon,
  copyIcon,
  linkIcon,
  refreshIcon
} from '@jupyterlab/ui-components';
import { JSX, ReactNode } from 'react';

import type { ChartsState, RunTab } from '../figures/link';
import { formatDuration } from '../figures/time';
import { nbproofIcon } from '../icons';
import type { RunModel } from '../models/run';
import type { DatasetUse, DrawnNode, Run } from '../services/api';
import type { Problem } from '../services/problem';
import { ChartsPane } from './ChartsPane';
import { EditableGroup, EditableName, Edits } from './Editing';
import { EnvironmentTab } from './EnvironmentTab';
import { LineageGraph } from './LineageGraph';
import { Notes } from './Notes';
import { Notice } from './Notice';
import { ArtifactsTab } from './RunArtifacts';
import { CodeTab, Overview, ParamsTab } from './RunTabs';
import type { RenderedData } from './RenderedData';
import { Skeleton } from './Skeleton';
import { StatusMark } from './StatusMark';
import { Tabs } from './Tabs';
import { useNow } from './useNow';
import { instantWord, problemWords, shortId, statusWord } from './words';

/** Everything about one run: its head, and a tab for each kind of thing. */
export function RunView(props: RunView.IProps): JSX.Element {
  const { model, run, problem, actions, trans } = props;
  if (run === null) {
    if (problem === null) {
      return <Skeleton rows={10} label={trans.__('Loading the run…')} />;
    }
    const words = runProblem(problem, trans);
    return (
      <Notice
        kind="page"
        icon={nbproofIcon}
        title={words.title}
        actions={[
          {
            label: trans.__('Retry'),
            onClick: actions.refresh,
            isMain: !isGone(problem)
          },
          {
            label: trans.__('Show all runs'),
            onClick: actions.openTable,
            isMain: isGone(problem)
          }
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
          title={runProblem(problem, trans).title}
          actions={[{ label: trans.__('Retry'), onClick: actions.refresh }]}
        >
          {runProblem(problem, trans).text}
        </Notice>
      )}
      {typeof run.deleted === 'string' && (
        <Notice
          kind="info"
          title={trans.__('This run is in the trash')}
          actions={[{ label: trans.__('Restore'), onClick: actions.restore }]}
        >
          {trans.__('It stands in no list and no search until it is restored.')}
        </Notice>
      )}
      <Header {...props} run={run} />
      <Tabs<RunTab>
        label={trans.__('About this run')}
        tab={model.tab}
        tabs={[
          ['overview', trans.__('Overview')],
          ['charts', trans.__('Charts'), model.metrics.length],
          ['params', trans.__('Params'), Object.keys(run.params).length],
          ['artifacts', trans.__('Artifacts'), run.artifacts.length],
          ['environment', trans.__('Environment')],
          ['code', trans.__('Code')],
          ...(hasLineage(model) || model.tab === 'lineage'
            ? [['lineage', trans.__('Lineage')] as const]
            : [])
        ]}
        onChoose={actions.chooseTab}
      >
        <TabPage {...props} run={run} />
      </Tabs>
    </div>
  );
}

export namespace RunView {
  export interface IActions {
    refresh: () => void;
    copyId: () => void;
    copyLink: () => void;
    openParent: () => void;
    openRun: (id: string) => void;
    openDataset: (reference: string) => void;
    openReport: (id: string) => void;
    chooseTab: (tab: RunTab) => void;
    setCharts: (change: Partial<ChartsState>) => void;
    download: (artifact: string) => void;
    downloadFolder: (folder: string) => void;
    openArtifact: (artifact: string) => void;
    look: (artifact: string) => void;
    lookAtEnvironment: () => void;
    restore: () => void;
    openTable: () => void;
    edits: Edits;
  }

  export interface IProps {
    model: RunModel;
    run: Run | null;
    /** The run that it is part of, once it is known. */
    parent: Run | null;
    /** Draws Markdown; null where JupyterLab offers nothing for that. */
    renderNotes: Notes.Render | null;
    /** Draws data of a media type; null where JupyterLab offers nothing for that. */
    renderData: RenderedData.Render | null;
    /** Counts the courses that came. */
    version: number;
    /** What has just been copied. */
    copied: 'id' | 'link' | null;
    problem: Problem | null;
    actions: IActions;
    trans: TranslationBundle;
  }
}

/** Datasets of a run that are named at its head; the lineage has all of them. */
const MOST_DATASETS = 5;

/** Whether the run itself is what is missing. */
const isGone = (problem: Problem): boolean =>
  problem.status === 404 && problem.kind === 'refused';

/** What is wrong; of a run that is not there, in words that fit a page that was open or linked to. */
function runProblem(
  problem: Problem,
  trans: TranslationBundle
): { title: string; text: string } {
  return isGone(problem)
    ? {
        title: trans.__('This run is not here'),
        text: trans.__(
          'It was deleted for good, or it is in another workspace.'
        )
      }
    : problemWords(problem, trans);
}

const hasLineage = ({ lineage }: RunModel): boolean =>
  lineage !== null && lineage.edges.length > 0;

/** The id of an artifact is `<run>/<name>@v<version>`. */
const isArtifactOf = (node: DrawnNode, run: Run): boolean =>
  node.kind === 'artifact' &&
  node.id !== null &&
  node.id.startsWith(`${run.id}/`) &&
  run.artifacts.some(one => one.name === artifactName(node));

const artifactName = ({ id }: DrawnNode): string =>
  (id ?? '').slice((id ?? '').indexOf('/') + 1).replace(/@v\d+$/, '');

function TabPage(props: RunView.IProps & { run: Run }): JSX.Element {
  const { model, run, actions, trans } = props;
  switch (model.tab) {
    case 'overview':
      return <Overview {...props} />;
    case 'charts':
      return (
        <>
          <ChartsPane
            runs={[run]}
            plotted={[run]}
            looks={model.looks}
            courses={model.courses}
            version={props.version}
            charts={model.charts}
            plot="curves"
            facts={new Map(model.metrics.map(one => [one.name, one]))}
            trans={trans}
            onChange={actions.setCharts}
            onOpen={() => undefined}
          />
          {model.isCut && (
            <p className="jp-nbproof-dim">
              {trans.__('This run has more metrics than are shown here.')}
            </p>
          )}
        </>
      );
    case 'params':
      return <ParamsTab run={run} trans={trans} />;
    case 'artifacts':
      return <ArtifactsTab {...props} />;
    case 'environment':
      return <EnvironmentTab {...props} />;
    case 'code':
      return <CodeTab {...props} />;
    case 'lineage':
      return model.lineage !== null && hasLineage(model) ? (
        <LineageGraph
          graph={model.lineage}
          canOpen={node =>
            node.kind === 'run' ||
            node.kind === 'dataset_version' ||
            node.kind === 'drift_report' ||
            isArtifactOf(node, run)
          }
          onOpen={node => {
            if (node.kind === 'run') {
              actions.openRun(node.id ?? '');
            } else if (node.kind === 'dataset_version') {
              actions.openDataset(node.id ?? '');
            } else if (node.kind === 'drift_report') {
              actions.openReport(node.id ?? '');
            } else {
              actions.openArtifact(artifactName(node));
              actions.chooseTab('artifacts');
            }
          }}
          trans={trans}
        />
      ) : (
        <p className="jp-nbproof-dim">
          {trans.__('Nothing is recorded about what it came of or led to.')}
        </p>
      );
  }
}

function Header({
  run,
  parent,
  copied,
  actions,
  trans
}: RunView.IProps & { run: Run }): JSX.Element {
  const isLive = run.status === 'running';
  const now = useNow(isLive ? 1000 : 0);
  const ended = run.ended === null ? now : Date.parse(run.ended);
  const Copy = copied === 'id' ? checkIcon : copyIcon;
  return (
    <header className="jp-nbproof-RunView-head">
      <div className="jp-nbproof-RunView-title">
        <EditableName run={run} edits={actions.edits} trans={trans} />
        <span className="jp-nbproof-Badge" data-status={run.status}>
          <StatusMark status={run.status} trans={trans} />
          <span aria-hidden="true">{statusWord(run.status, trans)}</span>
        </span>
        <button
          type="button"
          className="jp-nbproof-IconButton"
          aria-label={trans.__('Copy a link to this view')}
          title={
            copied === 'link'
              ? trans.__('Copied')
              : trans.__('Copy a link to this view')
          }
          data-done={copied === 'link' || undefined}
          onClick={actions.copyLink}
        >
          <linkIcon.react tag="span" />
        </button>
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
        <Fact word={trans.__('Group')}>
          <EditableGroup run={run} edits={actions.edits} trans={trans} />
        </Fact>
        <Datasets
          word={trans.__('Read')}
          uses={run.datasets.filter(use => use.how === 'read')}
          actions={actions}
          trans={trans}
        />
        <Datasets
          word={trans.__('Wrote')}
          uses={run.datasets.filter(use => use.how === 'wrote')}
          actions={actions}
          trans={trans}
        />
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
            {copied === null ? '' : trans.__('Copied')}
          </span>
        </Fact>
      </dl>
    </header>
  );
}

/** The dataset versions that a run read or wrote, each a link; of many the first ones. */
function Datasets(props: {
  word: string;
  uses: readonly DatasetUse[];
  actions: RunView.IActions;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { word, uses, actions, trans } = props;
  if (uses.length === 0) {
    return null;
  }
  return (
    <Fact word={word}>
      <span className="jp-nbproof-RunView-datasets">
        {uses.slice(0, MOST_DATASETS).map(use => (
          <button
            key={use.id}
            type="button"
            role="link"
            className="jp-nbproof-LinkButton"
            title={trans.__('Open %1', use.name)}
            onClick={() => actions.openDataset(use.id)}
          >
            {use.name}
          </button>
        ))}
        {uses.length > MOST_DATASETS && (
          <span className="jp-nbproof-dim">
            {trans.__('and %1 more', String(uses.length - MOST_DATASETS))}
          </span>
        )}
      </span>
    </Fact>
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
