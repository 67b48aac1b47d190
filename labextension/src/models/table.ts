import type { IDisposable } from '@lumino/disposable';
import { Debouncer, Throttler } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import {
  Column,
  columnOf,
  defaultColumns,
  fieldOf,
  Known,
  knownOf,
  moved
} from '../figures/columns';
import { GridRow, gridRows } from '../figures/grid';
import { ChartsState, Layout, TABLE, TableState } from '../figures/link';
import { namesakes } from '../figures/names';
import { Look, looksOf } from '../figures/palette';
import {
  Completion,
  completionAt,
  composeQuery,
  Sort,
  sortOf,
  splitOrder
} from '../figures/search';
import {
  Experiment,
  experimentsList,
  Requester,
  Run,
  runsEnd,
  runsGet,
  runsSearch,
  runsSetTags,
  runsUpdate,
  WorkspaceView
} from '../services/api';
import type { Change } from '../services/change';
import type { Client } from '../services/client';
import { askCompletion, COMPLETIONS } from '../services/completion';
import { asProblem, Problem } from '../services/problem';
import { CoursesModel } from './courses';
import { mergePage } from './rows';
import type { Phase } from './runs';
import type { Settings } from './settings';

/** Runs fetched at a time. */
const PAGE = 200;
/** Where all are wanted, fewer questions are quicker. */
const LARGE_PAGE = 1000;
/** More lines than this nobody can tell apart. */
export const MOST_DRAWN = 30;
/** More changed runs than this are fetched by page instead of one by one. */
const ONE_BY_ONE = 12;
/** Grouping needs every run; beyond this many it says that it has not all. */
const MOST_GROUPED = 20_000;
const TYPING_MS = 250;
const NONE: readonly string[] = [];
const LIVE_MS = 700;

/** The runs of a workspace as a table: what is shown of them, which are chosen, and in which order. */
export class RunsTableModel implements IDisposable {
  constructor(options: RunsTableModel.IOptions) {
    this._client = options.client;
    this._settings = options.settings;
    this._noneWord = options.noneWord;
    this.courses = new CoursesModel(options.client);
    this._typing = new Debouncer(() => this._load(), TYPING_MS);
    this._catching = new Throttler(() => this._catchUp(), {
      limit: LIVE_MS,
      edge: 'trailing'
    });
  }

  readonly courses: CoursesModel;

  get workspace(): WorkspaceView | null {
    return this._workspace;
  }

  /** Everything that makes the view, for links and for the next time. */
  get state(): TableState {
    return this._state;
  }

  get phase(): Phase {
    return this._phase;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  get queryProblem(): Problem | null {
    return this._queryProblem;
  }

  get isLoading(): boolean {
    return this._isLoading;
  }

  get experiments(): readonly Experiment[] {
    return this._experiments;
  }

  /** How many runs are here, and how many there are; null where the filter leaves that unknown. */
  get counts(): { loaded: number; all: number | null; hidden: number } {
    const given = new Set(this._order);
    const hidden = this._state.hidden.filter(id => given.has(id)).length;
    return {
      loaded: this._order.length,
      all: this._next === null ? this._order.length : this._knownTotal(),
      hidden
    };
  }

  get columns(): readonly Column[] {
    const keys = this._state.columns ?? this._default ?? NONE;
    if (keys !== this._columnsOf) {
      this._columnsOf = keys;
      // The same as long as the keys are: rows are drawn anew when they change.
      this._columns = keys.map(columnOf).filter(column => column !== null);
    }
    return this._columns;
  }

  /** The order that rows stand in: the search text's own, else the one chosen by a column's head. */
  get sort(): Sort | null {
    return splitOrder(this._state.query).order !== ''
      ? sortOf(this._state.query)
      : this._state.sort;
  }

  get known(): Known {
    this._known ??= knownOf(this._runs.values());
    return this._known;
  }

  get showHidden(): boolean {
    return this._showHidden;
  }

  get rows(): readonly GridRow[] {
    this._rows ??= gridRows(this._loaded, {
      group: this._state.group === null ? null : columnOf(this._state.group),
      pinned: this._state.pinned.flatMap(id => this._runs.get(id) ?? []),
      hidden: new Set(this._state.hidden),
      showHidden: this._showHidden,
      closed: this._closed,
      more: this._next !== null,
      noneWord: this._noneWord
    });
    return this._rows;
  }

  /** What tells runs of one name apart. */
  get namesakes(): ReadonlyMap<string, string> {
    this._namesakes ??= namesakes(
      [...this._runs.values()],
      id => this._runs.get(id)?.name ?? null
    );
    return this._namesakes;
  }

  get selected(): ReadonlySet<string> {
    return this._selected;
  }

  get selectedRuns(): readonly Run[] {
    return this._state.selected.flatMap(id => this._runs.get(id) ?? []);
  }

  /** Runs that are drawn: the chosen ones, else the first in the table. */
  get drawn(): readonly Run[] {
    this._drawn ??=
      this._state.selected.length > 0
        ? this.selectedRuns.slice(0, MOST_DRAWN)
        : this.plotted.slice(0, this._settings.drawnRuns);
    return this._drawn;
  }

  /** Runs for plots that show one mark a run: the chosen ones, else all that are here and not hidden. */
  get plotted(): readonly Run[] {
    if (this._state.selected.length > 0) {
      return this.selectedRuns;
    }
    return this.rows.flatMap(row => (row.type === 'run' ? row.run : []));
  }

  /** The colours of the runs that are drawn. */
  get looks(): ReadonlyMap<string, Look> {
    const drawn = this.drawn;
    if (drawn !== this._looksOf) {
      this._looksOf = drawn;
      this._looks = looksOf(
        drawn.map(run => run.id),
        this._looks
      );
    }
    return this._looks;
  }

  /** Row with the keyboard's cursor. */
  get activeKey(): string | null {
    return this._activeKey;
  }

  get activeRun(): Run | null {
    const row = this.rows.find(one => one.key === this._activeKey);
    return row?.type === 'run' ? row.run : null;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The state changed by the user's hand, and is worth keeping. */
  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Show a workspace, in the given state. */
  setWorkspace(
    workspace: WorkspaceView | null,
    state: TableState = TABLE
  ): void {
    this._epoch += 1;
    this._workspace = workspace;
    this._request = this._client.requester(workspace?.id ?? null);
    this._state = state;
    this._selected = new Set(state.selected);
    this._runs.clear();
    this._namesakes = null;
    this._order = [];
    this._next = null;
    this._default = null;
    this._experiments = [];
    this._closed.clear();
    this._touched.clear();
    this._activeKey = null;
    this._problem = null;
    this._queryProblem = null;
    this._phase = workspace === null ? 'idle' : 'loading';
    this._emit();
    if (workspace === null) {
      return;
    }
    if (!workspace.exists) {
      this._phase = 'ready';
      this._emit();
      return;
    }
    void this._client.capabilities.load().then(() => this._emit());
    void this._loadExperiments();
    void this._loadNamed([...state.selected, ...state.pinned]);
    void this._load();
  }

  /** The same workspace, which may exist now. */
  updateWorkspace(workspace: WorkspaceView): void {
    if (this._workspace?.exists !== workspace.exists) {
      this.setWorkspace(workspace, this._state);
    }
  }

  // -- what the user changes ------------------------------------------------------------------------

  setQuery(query: string): void {
    if (query !== this._state.query) {
      this._change({ query });
      this._isLoading = true;
      this._emit();
      void this._typing.invoke();
    }
  }

  searchNow(): void {
    void this._typing.stop();
    void this._load();
  }

  /** What may stand at a place of the search: by the server's knowledge, or until it answers by what is here. */
  completionAt(query: string, caret: number): Completion {
    const key = `${caret} ${query}`;
    if (this._completion?.key === key) {
      return this._completion.value;
    }
    if (this._client.capabilities.has(COMPLETIONS) && this._asking !== key) {
      this._asking = key;
      askCompletion(this._request, query, caret)
        .then(value => {
          if (this._asking === key) {
            this._completion = { key, value };
            this._changed.emit();
          }
        })
        .catch(() => {
          // What is known here has to do.
        });
    }
    return completionAt(query, caret, this.known);
  }

  setExperiment(experiment: string | null): void {
    this._change({ experiment });
    void this._load();
  }

  /** A click on a column's head: the better end first, then the other one, then as the server likes. */
  sortBy(column: Column): void {
    if (fieldOf(column) === null) {
      return;
    }
    const now = this.sort;
    const falls = column.group === 'metrics' || column.key === 'run.started';
    const next: Sort | null =
      now?.column !== column.key
        ? { column: column.key, descending: falls }
        : now.descending === falls
          ? { column: column.key, descending: !falls }
          : null;
    // The head decides from now on: an order in the text would win over it.
    const { where } = splitOrder(this._state.query);
    this._change({ sort: next, query: where });
    void this._load();
  }

  /** Put a column elsewhere among the columns. */
  moveColumn(from: number, to: number): void {
    this.setColumns(moved(this.columns, from, to).map(column => column.key));
  }

  setColumns(columns: readonly string[] | null): void {
    this._change({ columns });
  }

  setGroup(group: string | null): void {
    this._change({ group });
    this._closed.clear();
    this._emit();
    if (group !== null) {
      void this._loadAll();
    }
  }

  toggleGroup(key: string, isOpen = this._closed.has(key)): void {
    if (isOpen) {
      this._closed.delete(key);
    } else {
      this._closed.add(key);
    }
    this._emit();
  }

  setLayout(layout: Layout): void {
    this._change({ layout });
  }

  setCharts(charts: Partial<ChartsState>): void {
    this._change({ charts: { ...this._state.charts, ...charts } });
  }

  select(ids: readonly string[], isSelected: boolean): void {
    const selected = new Set(this._selected);
    for (const id of ids) {
      if (isSelected) {
        selected.add(id);
      } else {
        selected.delete(id);
      }
    }
    this._selected = selected;
    this._change({ selected: [...selected] });
  }

  selectAll(): void {
    this.select(
      this.rows.flatMap(row => (row.type === 'run' ? row.key : [])),
      true
    );
  }

  clearSelection(): void {
    this._selected = new Set();
    this._change({ selected: [] });
  }

  /** From the last row that was chosen to this one. */
  selectTo(key: string): void {
    const keys = this.rows.flatMap(row => (row.type === 'run' ? row.key : []));
    const to = keys.indexOf(key);
    const from = this._anchor === null ? to : keys.indexOf(this._anchor);
    if (to >= 0) {
      this.select(
        keys.slice(
          Math.min(from < 0 ? to : from, to),
          Math.max(from < 0 ? to : from, to) + 1
        ),
        true
      );
    }
  }

  toggleSelected(key: string): void {
    this._anchor = key;
    this.select([key], !this._selected.has(key));
  }

  pin(ids: readonly string[], isPinned: boolean): void {
    const rest = this._state.pinned.filter(id => !ids.includes(id));
    this._change({ pinned: isPinned ? [...rest, ...ids] : rest });
  }

  hide(ids: readonly string[], isHidden: boolean): void {
    const rest = this._state.hidden.filter(id => !ids.includes(id));
    this._change({ hidden: isHidden ? [...rest, ...ids] : rest });
    if (isHidden) {
      this.select(ids, false);
    }
  }

  setShowHidden(showHidden: boolean): void {
    this._showHidden = showHidden;
    this._emit();
  }

  setActive(key: string | null): void {
    if (key !== this._activeKey) {
      this._activeKey = key;
      // Rows and colours stay: only the cursor is drawn elsewhere.
      this._changed.emit();
    }
  }

  // -- what is done to runs --------------------------------------------------------------------------

  /** Set one tag of some runs; null removes it. */
  async tag(
    ids: readonly string[],
    key: string,
    value: string | null
  ): Promise<void> {
    await this._each(ids, id =>
      runsSetTags(this._request, { id, tags: { [key]: value } })
    );
  }

  /** Put some runs into a group; an empty text takes them out of theirs. */
  async regroup(ids: readonly string[], group: string): Promise<void> {
    await this._each(ids, id => runsUpdate(this._request, { id, group }));
  }

  /** End some live runs as cancelled. */
  async cancel(ids: readonly string[]): Promise<void> {
    const canAsk = this._client.capabilities.has(CANCEL);
    await this._each(ids, id =>
      canAsk
        ? this._request<unknown>(
            'POST',
            `/runs/${encodeURIComponent(id)}/cancel`
          )
        : runsEnd(this._request, { id, status: 'cancelled' })
    );
  }

  get canDelete(): boolean {
    return this._client.capabilities.has(DELETE);
  }

  async delete(ids: readonly string[]): Promise<void> {
    await this._each(ids, id =>
      this._request<undefined>('DELETE', `/runs/${encodeURIComponent(id)}`)
    );
    this.select(ids, false);
    this.pin(ids, false);
  }

  private async _each(
    ids: readonly string[],
    work: (id: string) => Promise<unknown>
  ): Promise<void> {
    try {
      for (const id of ids) {
        await work(id);
      }
    } finally {
      ids.forEach(id => this._touched.add(id));
      await this._catchUp();
    }
  }

  // -- fetching --------------------------------------------------------------------------------------

  /** The next page; while one is awaited, nothing. Who scrolls on and on gets ever larger ones. */
  async loadMore(limit = this._nextPage()): Promise<void> {
    const after = this._next;
    if (after === null || this._isLoading) {
      return;
    }
    const epoch = this._epoch;
    this._isLoading = true;
    this._changed.emit();
    try {
      const page = await runsSearch(this._request, {
        ...this._ask(),
        limit,
        after
      });
      if (epoch !== this._epoch) {
        return;
      }
      this._take(page.items);
      const ids = page.items.map(run => run.id);
      const known = new Set(this._order);
      this._order = [...this._order, ...ids.filter(id => !known.has(id))];
      this._next = page.next;
      this._problem = null;
    } catch (thrown) {
      if (epoch === this._epoch) {
        this._problem = asProblem(thrown);
      }
    } finally {
      if (epoch === this._epoch) {
        this._isLoading = false;
        this._emit();
      }
    }
  }

  /** Look for what is new; rejects with what went wrong, so that a poll can back off. */
  async refresh(): Promise<void> {
    if (this._workspace?.exists !== true || this._isLoading) {
      return;
    }
    if (this._phase !== 'ready') {
      await this._load();
    } else {
      await Promise.all([this._loadExperiments(), this._head()]);
    }
    if (this._problem !== null) {
      throw this._problem;
    }
  }

  /** The server told that something changed. */
  touch(change: Change): void {
    if (
      change.workspace !== this._workspace?.id ||
      this._phase !== 'ready' ||
      change.kind !== 'run'
    ) {
      return;
    }
    change.ids.forEach(id => this._touched.add(id));
    void this._catching.invoke().catch(() => undefined);
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._epoch += 1;
    this._typing.dispose();
    this._catching.dispose();
    this.courses.dispose();
    Signal.clearData(this);
  }

  private _ask(): { query: string; experiment?: string; limit: number } {
    const { query, sort, experiment } = this._state;
    return {
      query: composeQuery(query, sort),
      limit: PAGE,
      ...(experiment === null ? {} : { experiment })
    };
  }

  /** The first page of another question. */
  private async _load(): Promise<void> {
    if (this._workspace?.exists !== true) {
      return;
    }
    const epoch = ++this._epoch;
    this._isLoading = true;
    this._changed.emit();
    try {
      const page = await runsSearch(this._request, this._ask());
      if (epoch !== this._epoch) {
        return;
      }
      this._take(page.items);
      this._order = page.items.map(run => run.id);
      this._next = page.next;
      this._phase = 'ready';
      this._problem = null;
      this._queryProblem = null;
      this._default ??=
        page.items.length === 0
          ? null
          : defaultColumns(
              page.items,
              this.known,
              new Set(page.items.map(run => run.experiment_id)).size > 1
            );
    } catch (thrown) {
      if (epoch !== this._epoch) {
        return;
      }
      const problem = await this._asTyped(asProblem(thrown));
      if (epoch !== this._epoch) {
        return;
      }
      if (problem.kind === 'refused' && this._state.query.trim() !== '') {
        // Half-typed text is refused all the time: the last list stays, the reason stands below.
        this._queryProblem = problem;
        this._phase = 'ready';
      } else {
        this._problem = problem;
      }
    }
    this._isLoading = false;
    this._emit();
    if (this._state.group !== null) {
      void this._loadAll();
    }
  }

  /** What is wrong with the text as typed, not with the order that a column's head has added to it. */
  private async _asTyped(problem: Problem): Promise<Problem> {
    const typed = this._state.query.trim();
    if (problem.kind !== 'refused' || this._ask().query === typed) {
      return problem;
    }
    try {
      await runsSearch(this._request, { query: typed, limit: 1 });
      return problem;
    } catch (thrown) {
      return asProblem(thrown);
    }
  }

  private _nextPage(): number {
    return Math.min(LARGE_PAGE, Math.max(PAGE, this._order.length));
  }

  /** Every page there is, one after the other. */
  private async _loadAll(): Promise<void> {
    const epoch = this._epoch;
    while (
      epoch === this._epoch &&
      this._next !== null &&
      this._problem === null &&
      this._order.length < MOST_GROUPED
    ) {
      if (this._isLoading) {
        return;
      }
      await this.loadMore(LARGE_PAGE);
    }
  }

  /** The first page again: what is new stands where the server puts it, what was scrolled to stays. */
  private async _head(): Promise<void> {
    const epoch = this._epoch;
    if (this._queryProblem !== null) {
      return;
    }
    try {
      const page = await runsSearch(this._request, this._ask());
      if (epoch !== this._epoch) {
        return;
      }
      this._take(page.items);
      this._order = mergePage(
        this._order,
        page.items.map(run => run.id),
        page.next === null
      );
      if (page.next === null) {
        this._next = null;
      }
      this._problem = null;
    } catch (thrown) {
      if (epoch === this._epoch) {
        this._problem = asProblem(thrown);
      }
    }
    if (epoch === this._epoch) {
      this._emit();
    }
  }

  /** Work off what was touched. */
  private async _catchUp(): Promise<void> {
    const ids = [...this._touched];
    this._touched.clear();
    const strangers = ids.some(id => !this._runs.has(id));
    const epoch = this._epoch;
    if (ids.length <= ONE_BY_ONE) {
      await this._loadNamed(ids.filter(id => this._runs.has(id)));
    }
    if ((strangers || ids.length > ONE_BY_ONE) && epoch === this._epoch) {
      await Promise.all([this._loadExperiments(), this._head()]);
    }
  }

  private async _loadNamed(ids: readonly string[]): Promise<void> {
    const epoch = this._epoch;
    const workspace = this._workspace;
    await Promise.all(
      ids.map(async id => {
        try {
          const run = await runsGet(this._request, { id });
          if (workspace === this._workspace) {
            this._take([run]);
          }
        } catch (thrown) {
          const problem = asProblem(thrown);
          if (problem.status === 404) {
            this._drop(id);
          } else if (epoch === this._epoch) {
            this._problem = problem;
          }
        }
      })
    );
    if (ids.length > 0) {
      this._emit();
    }
  }

  private async _loadExperiments(): Promise<void> {
    const workspace = this._workspace;
    try {
      const page = await experimentsList(this._request, { limit: 1000 });
      if (workspace === this._workspace) {
        this._experiments = page.items;
        this._emit();
      }
    } catch {
      // The runs themselves are asked for beside this, and say what is wrong.
    }
  }

  private _knownTotal(): number | null {
    const { query, experiment } = this._state;
    if (splitOrder(query).where !== '' || this._experiments.length === 0) {
      return null;
    }
    return this._experiments
      .filter(one => experiment === null || one.id === experiment)
      .reduce((sum, one) => sum + one.run_count, 0);
  }

  private _take(runs: readonly Run[]): void {
    for (const run of runs) {
      this._runs.set(run.id, run);
    }
    this._known = null;
    this._namesakes = null;
  }

  private _drop(id: string): void {
    this._runs.delete(id);
    this._order = this._order.filter(one => one !== id);
    this._known = null;
    this._namesakes = null;
    this._emit();
  }

  private get _loaded(): Run[] {
    return this._order.flatMap(id => this._runs.get(id) ?? []);
  }

  private _change(change: Partial<TableState>): void {
    this._state = { ...this._state, ...change };
    this._emit();
    this._stateChanged.emit();
  }

  private _emit(): void {
    this._rows = null;
    this._drawn = null;
    if (!this._isDisposed) {
      this.courses.show(
        this._workspace?.id ?? null,
        this._state.layout === 'table' ? [] : this.drawn,
        this._state.charts.axis
      );
      this._changed.emit();
    }
  }

  private readonly _client: Client;
  private readonly _settings: Settings;
  private readonly _noneWord: string;
  private _request: Requester = () =>
    Promise.reject(new Problem('broken', 'no workspace'));
  private readonly _typing: Debouncer<void>;
  private readonly _catching: Throttler<void>;
  private _workspace: WorkspaceView | null = null;
  private _state: TableState = TABLE;
  private _phase: Phase = 'idle';
  private _problem: Problem | null = null;
  private _queryProblem: Problem | null = null;
  private _isLoading = false;
  private _completion: { key: string; value: Completion } | null = null;
  private _asking = '';
  private _experiments: readonly Experiment[] = [];
  private readonly _runs = new Map<string, Run>();
  private _order: string[] = [];
  private _next: string | null = null;
  private _default: readonly string[] | null = null;
  private _columns: readonly Column[] = [];
  private _columnsOf: readonly string[] = NONE;
  private _selected: ReadonlySet<string> = new Set();
  private _anchor: string | null = null;
  private readonly _closed = new Set<string>();
  private _showHidden = false;
  private _activeKey: string | null = null;
  private _known: Known | null = null;
  private _namesakes: ReadonlyMap<string, string> | null = null;
  private _rows: readonly GridRow[] | null = null;
  private _drawn: readonly Run[] | null = null;
  private _looks = new Map<string, Look>();
  private _looksOf: readonly Run[] | null = null;
  private readonly _touched = new Set<string>();
  /** Answers to questions from before a change of workspace or filter are thrown away. */
  private _epoch = 0;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _stateChanged = new Signal<this, void>(this);
  private _isDisposed = false;
}

export namespace RunsTableModel {
  export interface IOptions {
    client: Client;
    settings: Settings;
    /** What a group of runs without a value is called. */
    noneWord: string;
  }
}

const DELETE = 'DELETE /runs/{id}';
const CANCEL = 'POST /runs/{id}/cancel';
