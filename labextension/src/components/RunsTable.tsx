import type { TranslationBundle } from '@jupyterlab/translation';
import { linkIcon, refreshIcon } from '@jupyterlab/ui-components';
import { JSX, RefObject, useId, useRef, useState } from 'react';

import { Column, columnOf } from '../figures/columns';
import { CHARTS, ChartsState, Layout, Plot } from '../figures/link';
import type { Look } from '../figures/palette';
import type { Completion } from '../figures/search';
import { nbproofIcon } from '../icons';
import { MOST_DRAWN, RunsTableModel } from '../models/table';
import type { Run } from '../services/api';
import type { Problem } from '../services/problem';
import { ChartsPane, ColumnSelect } from './ChartsPane';
import { Choice } from './Choice';
import { ColumnPicker } from './ColumnPicker';
import { FilterBox } from './FilterBox';
import { Notice } from './Notice';
import { RunsGrid } from './RunsGrid';
import { Skeleton } from './Skeleton';
import { useNow } from './useNow';
import { problemWords } from './words';

/** The page with all runs: tools above, the table and its charts below. */
export function RunsTable(props: RunsTable.IProps): JSX.Element {
  const { model, trans } = props;
  return (
    <div className="jp-nbproof-RunsTable-page">
      <Tools {...props} />
      <Selection {...props} />
      <Body {...props} />
      <Foot {...props} />
      <div className="jp-nbproof-hidden" aria-live="polite">
        {model.isLoading ? '' : countWord(model, trans)}
      </div>
    </div>
  );
}

export namespace RunsTable {
  export interface IActions {
    refresh: () => void;
    openRun: (run: Run) => void;
    compare: () => void;
    tag: () => void;
    regroup: () => void;
    cancel: () => void;
    delete: () => void;
    copyLink: () => void;
    showSidebar: () => void;
    focusGrid: () => void;
    focusFilter: () => void;
    resizeCharts: (share: number) => void;
  }

  export interface IProps {
    model: RunsTableModel;
    /** Counts the courses that came. */
    version: number;
    complete: (query: string, caret: number) => Completion;
    gridRef: RefObject<HTMLDivElement>;
    filterRef: RefObject<HTMLInputElement>;
    /** Whether something is being done to the chosen runs. */
    isBusy: boolean;
    isCopied: boolean;
    actions: IActions;
    trans: TranslationBundle;
  }
}

function Tools(props: RunsTable.IProps): JSX.Element {
  const { model, actions, trans } = props;
  const { state } = model;
  const experimentId = useId();
  const [isPicking, setIsPicking] = useState(false);
  const picker = useRef<HTMLButtonElement>(null);
  const close = (): void => {
    setIsPicking(false);
    picker.current?.focus();
  };
  return (
    <div className="jp-nbproof-RunsTable-tools">
      <span className="jp-nbproof-Select">
        <label className="jp-nbproof-hidden" htmlFor={experimentId}>
          {trans.__('Experiment')}
        </label>
        <select
          id={experimentId}
          value={state.experiment ?? ''}
          onChange={event => model.setExperiment(event.target.value || null)}
        >
          <option value="">{trans.__('All experiments')}</option>
          {model.experiments.map(one => (
            <option key={one.id} value={one.id}>
              {`${one.name} (${one.run_count})`}
            </option>
          ))}
        </select>
      </span>
      <FilterBox
        query={state.query}
        problem={model.queryProblem}
        isBusy={model.isLoading}
        inputRef={props.filterRef}
        trans={trans}
        onChange={query => model.setQuery(query)}
        onSubmit={() => model.searchNow()}
        onLeave={actions.focusGrid}
        complete={props.complete}
      />
      <ColumnSelect
        label={trans.__('Group')}
        value={state.group === null ? null : columnOf(state.group)}
        known={{ ...model.known, metrics: [] }}
        none={trans.__('Not grouped')}
        trans={trans}
        onChoose={key => model.setGroup(key === '' ? null : key)}
      />
      <button
        ref={picker}
        type="button"
        className="jp-nbproof-ToolButton"
        aria-expanded={isPicking}
        aria-haspopup="dialog"
        onClick={() => setIsPicking(!isPicking)}
      >
        {trans.__('Columns')}
        {model.columns.length > 0 && (
          <span className="jp-nbproof-Section-count">
            {' '}
            {model.columns.length}
          </span>
        )}
      </button>
      {isPicking && (
        <ColumnPicker
          columns={model.columns}
          known={model.known}
          trans={trans}
          onChange={keys => model.setColumns(keys)}
          onClose={close}
        />
      )}
      <Choice<Layout>
        label={trans.__('Layout')}
        value={state.layout}
        options={[
          ['table', trans.__('Table')],
          ['both', trans.__('Both')],
          ['charts', trans.__('Charts')]
        ]}
        onChoose={layout => model.setLayout(layout)}
      />
      <span className="jp-nbproof-RunsTable-end">
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
        <button
          type="button"
          className="jp-nbproof-IconButton"
          aria-label={trans.__('Refresh')}
          title={trans.__('Refresh')}
          onClick={actions.refresh}
        >
          <refreshIcon.react tag="span" />
        </button>
        <span className="jp-nbproof-hidden" aria-live="polite">
          {props.isCopied ? trans.__('Copied') : ''}
        </span>
      </span>
    </div>
  );
}

/** What can be done to the chosen runs. */
function Selection(props: RunsTable.IProps): JSX.Element | null {
  const { model, actions, isBusy, trans } = props;
  const runs = model.selectedRuns;
  const ids = model.state.selected;
  if (ids.length === 0) {
    return null;
  }
  const live = runs.filter(run => run.status === 'running').length;
  const pinned = ids.every(id => model.state.pinned.includes(id));
  const hidden = ids.every(id => model.state.hidden.includes(id));
  return (
    <div
      className="jp-nbproof-Selection"
      role="toolbar"
      aria-label={trans.__('The selected runs')}
    >
      <b>{trans._n('%1 run selected', '%1 runs selected', ids.length)}</b>
      <Button
        word={trans.__('Compare')}
        isMain={true}
        disabled={ids.length < 2 || ids.length > 100}
        title={
          ids.length < 2
            ? trans.__('Select two runs or more')
            : ids.length > 100
              ? trans.__('At most 100 runs are compared')
              : undefined
        }
        onClick={actions.compare}
      />
      <Button word={trans.__('Tag…')} disabled={isBusy} onClick={actions.tag} />
      <Button
        word={trans.__('Group…')}
        title={trans.__('Put the selected runs into a group')}
        disabled={isBusy}
        onClick={actions.regroup}
      />
      <Button
        word={pinned ? trans.__('Unpin') : trans.__('Pin')}
        onClick={() => model.pin(ids, !pinned)}
      />
      <Button
        word={hidden ? trans.__('Unhide') : trans.__('Hide')}
        onClick={() => model.hide(ids, !hidden)}
      />
      {live > 0 && (
        <Button
          word={trans.__('Cancel…')}
          disabled={isBusy}
          onClick={actions.cancel}
        />
      )}
      {model.canDelete && (
        <Button
          word={trans.__('Delete…')}
          disabled={isBusy}
          onClick={actions.delete}
        />
      )}
      <Button
        word={trans.__('Clear')}
        title={trans.__('Clear the selection (Escape in the table)')}
        onClick={() => model.clearSelection()}
      />
    </div>
  );
}

function Button({
  word,
  title,
  isMain = false,
  disabled = false,
  onClick
}: {
  word: string;
  title?: string;
  isMain?: boolean;
  disabled?: boolean;
  onClick: () => void;
}): JSX.Element {
  return (
    <button
      type="button"
      className="jp-nbproof-ToolButton"
      data-main={isMain || undefined}
      title={title}
      disabled={disabled}
      onClick={onClick}
    >
      {word}
    </button>
  );
}

function Body(props: RunsTable.IProps): JSX.Element {
  const { model, actions, trans } = props;
  const { problem, workspace, state } = model;
  const now = useNow(20_000);
  const hasRows = model.rows.length > 0;
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
  if (workspace === null || model.phase !== 'ready') {
    return <Skeleton rows={12} label={trans.__('Loading runs…')} />;
  }
  if (!hasRows) {
    return <Nothing {...props} />;
  }
  return (
    <>
      {problem !== null && <ProblemBar {...props} problem={problem} />}
      <div className="jp-nbproof-RunsTable-body" data-layout={state.layout}>
        {state.layout !== 'charts' && (
          <RunsGrid
            rows={model.rows}
            columns={model.columns}
            selected={model.selected}
            hidden={new Set(state.hidden)}
            looks={
              state.layout === 'table' && state.selected.length === 0
                ? NO_LOOKS
                : model.looks
            }
            namesakes={model.namesakes}
            activeKey={model.activeKey}
            sort={model.sort}
            label={trans.__('Runs of %1', workspace.name)}
            isStale={problem !== null}
            isBusy={model.isLoading}
            mayAsk={
              model.counts.all !== model.counts.loaded && problem === null
            }
            now={now}
            gridRef={props.gridRef}
            trans={trans}
            onActivate={key => model.setActive(key)}
            onOpen={actions.openRun}
            onSort={(column: Column) => model.sortBy(column)}
            onMoveColumn={(from, to) => model.moveColumn(from, to)}
            onSelect={(key, isSelected) =>
              isSelected === undefined
                ? model.toggleSelected(key)
                : model.select([key], isSelected)
            }
            onSelectTo={key => model.selectTo(key)}
            onSelectMany={runs =>
              model.select(
                runs.map(run => run.id),
                !runs.every(run => model.selected.has(run.id))
              )
            }
            onSelectAll={() => model.selectAll()}
            onClearSelection={() => model.clearSelection()}
            onToggleGroup={(key, isOpen) => model.toggleGroup(key, isOpen)}
            onMore={() => void model.loadMore()}
            onFilter={actions.focusFilter}
          />
        )}
        {state.layout === 'both' && (
          <Separator onResize={actions.resizeCharts} trans={trans} />
        )}
        {state.layout !== 'table' && (
          <ChartsPane
            runs={model.drawn}
            plotted={model.plotted}
            looks={model.looks}
            namesakes={model.namesakes}
            courses={model.courses}
            version={props.version}
            charts={state.charts}
            plot={state.charts.plot}
            note={drawnWord(model, trans)}
            onMore={
              isCut(model) && !model.isLoading
                ? () => void model.loadMore()
                : undefined
            }
            trans={trans}
            onChange={(change: Partial<ChartsState>) => model.setCharts(change)}
            onPlot={(plot: Plot) => model.setCharts({ plot })}
            onOpen={actions.openRun}
          />
        )}
      </div>
    </>
  );
}

/** Where nothing is drawn, colours would say nothing. */
const NO_LOOKS: ReadonlyMap<string, Look> = new Map();

/** Whether a plot of all runs lacks some that are not fetched yet. */
const isCut = ({ state, counts }: RunsTableModel): boolean =>
  state.charts.plot !== CHARTS.plot &&
  state.selected.length === 0 &&
  counts.all !== counts.loaded;

function drawnWord(
  model: RunsTableModel,
  trans: TranslationBundle
): string | undefined {
  const chosen = model.state.selected.length;
  if (model.state.charts.plot !== CHARTS.plot) {
    return isCut(model)
      ? trans.__('The first %1 runs', model.plotted.length.toLocaleString())
      : undefined;
  }
  if (chosen === 0) {
    return trans.__(
      'The first %1 runs. Select some to draw those.',
      model.drawn.length
    );
  }
  return chosen > MOST_DRAWN
    ? trans.__('The first %1 of %2 selected runs', MOST_DRAWN, chosen)
    : undefined;
}

function ProblemBar({
  problem,
  actions,
  trans
}: RunsTable.IProps & { problem: Problem }): JSX.Element {
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

function Nothing({ model, actions, trans }: RunsTable.IProps): JSX.Element {
  if (model.counts.hidden > 0) {
    return (
      <Notice
        kind="page"
        title={trans.__('All runs are hidden')}
        actions={[
          {
            label: trans.__('Show hidden runs'),
            onClick: () => model.setShowHidden(true)
          }
        ]}
      />
    );
  }
  if (model.state.query.trim() !== '' || model.state.experiment !== null) {
    return (
      <Notice
        kind="page"
        title={trans.__('No run matches')}
        actions={[
          {
            label: trans.__('Clear the filter'),
            onClick: () => {
              model.setQuery('');
              model.setExperiment(null);
            }
          }
        ]}
      >
        {trans.__('No run of this workspace answers to the filter above.')}
      </Notice>
    );
  }
  return (
    <Notice
      kind="page"
      icon={nbproofIcon}
      title={trans.__('No runs yet')}
      actions={[
        {
          label: trans.__('Show the panel'),
          onClick: actions.showSidebar,
          isMain: true
        }
      ]}
    >
      {trans.__(
        'What a notebook logs stands here as soon as it is logged. The panel in the sidebar says how to begin.'
      )}
    </Notice>
  );
}

/** Between table and charts: dragged, or moved by the arrow keys. */
function Separator({
  onResize,
  trans
}: {
  onResize: (share: number) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const [share, setShare] = useState(50);
  const set = (next: number): void => {
    const bounded = Math.min(80, Math.max(20, Math.round(next)));
    setShare(bounded);
    onResize(bounded);
  };
  return (
    // A separator that can be moved is a control: it has a value and takes the focus.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <div
      className="jp-nbproof-Separator"
      role="separator"
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={trans.__('Width of the table')}
      aria-valuemin={20}
      aria-valuemax={80}
      aria-valuenow={share}
      onPointerDown={event =>
        event.currentTarget.setPointerCapture(event.pointerId)
      }
      onPointerMove={event => {
        const body = event.currentTarget.parentElement?.getBoundingClientRect();
        if (
          event.currentTarget.hasPointerCapture(event.pointerId) &&
          body !== undefined
        ) {
          set(((event.clientX - body.left) / body.width) * 100);
        }
      }}
      onKeyDown={event => {
        const by = { ArrowLeft: -5, ArrowRight: 5 }[event.key];
        if (by !== undefined) {
          event.preventDefault();
          event.stopPropagation();
          set(share + by);
        }
      }}
    />
  );
}

function countWord(model: RunsTableModel, trans: TranslationBundle): string {
  const { loaded, all } = model.counts;
  const isScrolled = model.state.layout !== 'charts';
  if (all === null) {
    return isScrolled
      ? trans.__('%1 runs, more while scrolling', loaded.toLocaleString())
      : trans.__('The first %1 runs', loaded.toLocaleString());
  }
  if (all > loaded) {
    const [some, whole] = [loaded.toLocaleString(), all.toLocaleString()];
    return isScrolled
      ? trans.__('%1 of %2 runs, more while scrolling', some, whole)
      : trans.__('%1 of %2 runs', some, whole);
  }
  return trans
    ._n('%1 run', '%1 runs', loaded)
    .replace(String(loaded), loaded.toLocaleString());
}

function Foot({ model, trans }: RunsTable.IProps): JSX.Element | null {
  if (model.phase !== 'ready') {
    return null;
  }
  const { hidden } = model.counts;
  const pinned = model.state.pinned.length;
  return (
    <div className="jp-nbproof-RunsTable-foot">
      <span>{countWord(model, trans)}</span>
      {model.isLoading && <span>{trans.__('Loading…')}</span>}
      {model.state.group !== null &&
        model.counts.all !== model.counts.loaded && (
          <span>{trans.__('Groups hold the runs that are here.')}</span>
        )}
      {hidden > 0 && (
        <button
          type="button"
          className="jp-nbproof-LinkButton"
          onClick={() => model.setShowHidden(!model.showHidden)}
        >
          {model.showHidden
            ? trans.__('Hide hidden runs again')
            : trans._n('%1 hidden: show it', '%1 hidden: show them', hidden)}
        </button>
      )}
      {pinned > 0 && (
        <button
          type="button"
          className="jp-nbproof-LinkButton"
          onClick={() => model.pin(model.state.pinned, false)}
        >
          {trans._n('%1 pinned: unpin it', '%1 pinned: unpin them', pinned)}
        </button>
      )}
    </div>
  );
}
