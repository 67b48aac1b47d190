import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSX, RefObject } from 'react';

import { nbproofIcon } from '../icons';
import type { DatasetsModel } from '../models/datasets';
import type { KernelState } from '../models/kernel';
import type { RunsModel } from '../models/runs';
import type { WorkspaceView } from '../services/api';
import type { Problem } from '../services/problem';
import { DatasetsSection } from './DatasetsSection';
import { FilterBox } from './FilterBox';
import { Notice } from './Notice';
import { RunTree } from './RunTree';
import { Skeleton } from './Skeleton';
import { useNow } from './useNow';
import { problemWords } from './words';
import { WorkspaceBar } from './WorkspaceBar';

/** The sidebar: workspace, filter, and the runs, or why there are none; below them the datasets. */
export function RunsPanel(props: RunsPanel.IProps): JSX.Element {
  const { runs, actions, trans } = props;
  return (
    <div className="jp-nbproof-Panel-content">
      <WorkspaceBar
        all={props.workspaces}
        current={props.workspace}
        isPinned={props.isPinned}
        trans={trans}
        onChoose={actions.chooseWorkspace}
        onTogglePin={actions.togglePin}
        onOpenTable={actions.openTable}
        onRefresh={actions.refresh}
      />
      {props.workspace?.exists === true && !runs.isEmpty && (
        <FilterBox
          query={runs.query}
          problem={runs.queryProblem}
          isBusy={runs.isSearching}
          inputRef={props.filterRef}
          trans={trans}
          onChange={actions.setQuery}
          onSubmit={actions.searchNow}
          onLeave={actions.focusTree}
        />
      )}
      <KernelNotice {...props} />
      <Body {...props} />
      {props.workspace !== null && props.datasets.isOffered && (
        <DatasetsSection
          datasets={props.datasets}
          isOpen={props.isDatasetsOpen}
          listRef={props.datasetsRef}
          filterRef={props.datasetsFilterRef}
          actions={actions.datasets}
          trans={trans}
        />
      )}
      <div className="jp-nbproof-hidden" aria-live="polite">
        {props.announcement}
      </div>
    </div>
  );
}

export namespace RunsPanel {
  export interface IActions {
    chooseWorkspace: (id: string) => void;
    togglePin: () => void;
    openTable: () => void;
    refresh: () => void;
    setQuery: (query: string) => void;
    searchNow: () => void;
    activate: (key: string) => void;
    move: (by: number) => void;
    moveIn: () => void;
    moveOut: () => void;
    open: () => void;
    toggle: (key: string) => void;
    loadMore: (group: string | null) => void;
    focusTree: () => void;
    focusFilter: () => void;
    insertLoadLine: () => void;
    insertInstallLine: () => void;
    lookAgain: () => void;
    datasets: DatasetsSection.IActions;
  }

  export interface IProps {
    workspaces: readonly WorkspaceView[];
    workspace: WorkspaceView | null;
    isPinned: boolean;
    hasNotebook: boolean;
    kernel: { readonly state: KernelState; readonly name: string };
    runs: RunsModel;
    datasets: DatasetsModel;
    isDatasetsOpen: boolean;
    /** From the workspaces or the runs, whichever is in the way. */
    problem: Problem | null;
    showSparklines: boolean;
    /** The latest change of a status, for those who listen. */
    announcement: string;
    treeRef: RefObject<HTMLDivElement>;
    filterRef: RefObject<HTMLInputElement>;
    datasetsRef: RefObject<HTMLDivElement>;
    datasetsFilterRef: RefObject<HTMLInputElement>;
    actions: IActions;
    trans: TranslationBundle;
  }
}

function KernelNotice(props: RunsPanel.IProps): JSX.Element | null {
  const { kernel, actions, trans } = props;
  if (kernel.state === 'missing') {
    return (
      <Notice
        kind="info"
        title={trans.__('This kernel does not have nbproof')}
        actions={[
          {
            label: trans.__('Insert install line'),
            onClick: actions.insertInstallLine,
            isMain: true
          },
          { label: trans.__('Check again'), onClick: actions.lookAgain }
        ]}
      >
        {trans.__(
          'Install it in the environment of “%1” to record what this notebook does.',
          kernel.name
        )}
      </Notice>
    );
  }
  if (kernel.state === 'foreign') {
    return (
      <Notice kind="info" title={trans.__('Not a Python notebook')}>
        {trans.__(
          'nbproof records Python kernels; “%1” is another kind. The runs of this workspace are shown all the same.',
          kernel.name
        )}
      </Notice>
    );
  }
  return null;
}

function Body(props: RunsPanel.IProps): JSX.Element {
  const { runs, workspace, problem, actions, trans } = props;
  const now = useNow(20_000);
  const hasRows = runs.rows.length > 0 || runs.isFiltered;
  if (problem !== null && !hasRows) {
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
  if (workspace === null || runs.phase !== 'ready') {
    return <Skeleton rows={8} label={trans.__('Loading runs…')} />;
  }
  if (!hasRows) {
    return <Start {...props} />;
  }
  return (
    <>
      {problem !== null && <ProblemBar {...props} problem={problem} />}
      {runs.isFiltered && runs.rows.length === 0 && !runs.isSearching ? (
        <Notice
          kind="page"
          title={trans.__('No run matches')}
          actions={[
            {
              label: trans.__('Clear the filter'),
              onClick: () => actions.setQuery('')
            }
          ]}
        >
          {trans.__('No run of this workspace answers to the filter above.')}
        </Notice>
      ) : (
        <RunTree
          rows={runs.rows}
          activeKey={runs.activeKey}
          label={trans.__('Runs of %1', workspace.name)}
          isStale={problem !== null}
          mayAsk={problem === null}
          showSparklines={props.showSparklines}
          now={now}
          treeRef={props.treeRef}
          trans={trans}
          onActivate={actions.activate}
          onMove={actions.move}
          onIn={actions.moveIn}
          onOut={actions.moveOut}
          onOpen={actions.open}
          onToggle={actions.toggle}
          onMore={actions.loadMore}
          onFilter={actions.focusFilter}
        />
      )}
    </>
  );
}

function ProblemBar({
  problem,
  actions,
  trans
}: RunsPanel.IProps & { problem: Problem }): JSX.Element {
  const words = problemWords(problem, trans);
  return (
    <Notice
      kind="error"
      title={words.title}
      actions={[{ label: trans.__('Retry'), onClick: actions.refresh }]}
    >
      {words.text}
    </Notice>
  );
}

/** No runs yet: how to start. */
function Start({
  workspace,
  hasNotebook,
  kernel,
  actions,
  trans
}: RunsPanel.IProps): JSX.Element {
  // Where the kernel lacks nbproof, the notice above has the line that comes first.
  const canInsert =
    hasNotebook && kernel.state !== 'foreign' && kernel.state !== 'missing';
  return (
    <Notice
      kind="page"
      icon={nbproofIcon}
      title={
        workspace?.exists === true
          ? trans.__('No runs yet')
          : trans.__('No workspace yet')
      }
      actions={
        canInsert
          ? [
              {
                label: trans.__('Insert this cell'),
                onClick: actions.insertLoadLine,
                isMain: true
              }
            ]
          : []
      }
    >
      <p>
        {hasNotebook
          ? trans.__('Put this into a cell of your notebook and run it:')
          : trans.__('Open a notebook, put this into a cell and run it:')}
      </p>
      <pre className="jp-nbproof-code">%load_ext nbproof</pre>
      <p>
        {trans.__(
          'From there on nbp.log_metric("auc", 0.91) is enough: the run appears here by itself.'
        )}
      </p>
      {workspace?.exists === false && (
        <p className="jp-nbproof-dim">
          {trans.__('The workspace will be in %1.', workspace.root)}
        </p>
      )}
    </Notice>
  );
}
