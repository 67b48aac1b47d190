import type { IDisposable } from '@lumino/disposable';
import { Debouncer } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import {
  Experiment,
  experimentsList,
  Requester,
  Run,
  runsGet,
  runsList,
  runsSearch,
  WorkspaceView
} from '../services/api';
import type { Change } from '../services/change';
import type { Client } from '../services/client';
import { asProblem, Problem } from '../services/problem';
import { metricOfQuery } from '../services/query';
import {
  Group,
  mergePage,
  newestFirst,
  resultRows,
  Row,
  runKey,
  treeRows
} from './rows';
import type { Settings } from './settings';

/** Experiments fetched at a time. */
const EXPERIMENTS_PAGE = 200;
/** How many experiments are open when a workspace is first shown. */
const OPEN_AT_FIRST = 5;
/** More changed runs than this are fetched by page instead of one by one. */
const ONE_BY_ONE = 8;
const TYPING_MS = 250;

export type Phase = 'idle' | 'loading' | 'ready';

/** A run's status changed, for whoever listens instead of looking. */
export interface StatusChange {
  readonly run: Run;
  readonly before: string | null;
}

/** Experiments and runs of one workspace: what was fetched, what is asked for, where the cursor is. */
export class RunsModel implements IDisposable {
  constructor(options: RunsModel.IOptions) {
    this._client = options.client;
    this._settings = options.settings;
    this._request = options.client.requester();
    this._typing = new Debouncer(() => this._search(), TYPING_MS);
  }

  get workspace(): WorkspaceView | null {
    return this._workspace;
  }

  /** `loading` only while there is nothing to show yet. */
  get phase(): Phase {
    return this._phase;
  }

  /** What went wrong with the list itself. */
  get problem(): Problem | null {
    return this._problem;
  }

  /** What the server found wrong with the filter's text. */
  get queryProblem(): Problem | null {
    return this._queryProblem;
  }

  /** The filter as typed. */
  get query(): string {
    return this._query;
  }

  /** Whether an answer to the filter is still awaited. */
  get isSearching(): boolean {
    return this._isSearching;
  }

  /** Whether the workspace holds no experiment at all. */
  get isEmpty(): boolean {
    return this._phase === 'ready' && this._order.length === 0;
  }

  /** Whether the filter, rather than the tree, is shown. */
  get isFiltered(): boolean {
    return this._results !== null;
  }

  get rows(): readonly Row[] {
    this._rows ??= this._makeRows();
    return this._rows;
  }

  /** The key of the row with the keyboard's cursor. */
  get activeKey(): string | null {
    return this._activeKey;
  }

  get activeRow(): Row | null {
    return this.rows.find(row => row.key === this._activeKey) ?? null;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get statusChanged(): ISignal<this, StatusChange> {
    return this._statusChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Show another workspace, or the same one now that it exists. */
  setWorkspace(workspace: WorkspaceView | null): void {
    const before = this._workspace;
    this._workspace = workspace;
    if (before?.id === workspace?.id && before?.exists === workspace?.exists) {
      return;
    }
    this._epoch += 1;
    this._forget();
    this._request = this._client.requester(workspace?.id ?? null);
    if (workspace === null) {
      this._phase = 'idle';
      this._emit();
    } else if (!workspace.exists) {
      this._phase = 'ready';
      this._emit();
    } else {
      this._phase = 'loading';
      this._emit();
      void this._quietly(this._load());
      if (this._query.trim() !== '') {
        void this._search();
      }
    }
  }

  /** The filter's text changed; asked after a pause in typing. */
  setQuery(query: string): void {
    if (query === this._query) {
      return;
    }
    this._query = query;
    if (query.trim() === '') {
      void this._typing.stop();
      this._searchEpoch += 1;
      this._results = null;
      this._queryProblem = null;
      this._isSearching = false;
      this._emit();
    } else {
      this._isSearching = true;
      this._emit();
      void this._typing.invoke();
    }
  }

  /** Ask now, without waiting for a pause. */
  searchNow(): void {
    if (this._query.trim() !== '') {
      void this._typing.stop();
      void this._search();
    }
  }

  /** Look for what is new; rejects with what went wrong, so that a poll can back off. */
  async refresh(): Promise<void> {
    if (this._workspace?.exists !== true) {
      return;
    }
    if (this._phase !== 'ready') {
      await this._load();
      return;
    }
    const epoch = this._epoch;
    try {
      const before = new Map(this._experiments);
      await this._loadExperiments();
      const stale = this._order.filter(id => {
        const group = this._groups.get(id);
        return group?.loaded === true && this._mayHaveChanged(id, before);
      });
      for (const id of stale) {
        await this._reload(id);
      }
      if (this._results !== null) {
        await this._research();
      }
      if (epoch === this._epoch) {
        this._succeeded();
      }
    } catch (thrown) {
      this._failed(thrown, epoch);
      throw thrown;
    }
  }

  /** The server told that something changed: fetch only that. */
  touch(change: Change): void {
    if (
      this._workspace?.exists !== true ||
      change.workspace !== this._workspace.id ||
      this._phase !== 'ready'
    ) {
      return;
    }
    if (change.kind === 'run') {
      change.ids.forEach(id => this._touched.add(id));
    } else if (change.kind === 'experiment') {
      this._touchedExperiments = true;
    } else {
      return;
    }
    if (!this._isTouching) {
      void this._catchUp();
    }
  }

  /** Fetch the next page of an experiment's runs; null: of experiments or results. */
  loadMore(group: string | null): void {
    void this._quietly(this._more(group));
  }

  /** Open or close an experiment. */
  toggle(id: string, expanded = !this._isExpanded(id)): void {
    this._expanded.set(id, expanded);
    this._emit();
    if (expanded) {
      this._openGroup(id);
    }
  }

  /** Show or hide the runs that are part of a run. */
  toggleRun(id: string, expanded = this._folded.has(id)): void {
    if (expanded) {
      this._folded.delete(id);
    } else {
      this._folded.add(id);
    }
    this._emit();
  }

  setActive(key: string | null): void {
    if (key !== this._activeKey) {
      this._activeKey = key;
      this._emit();
    }
  }

  /** Move the cursor by so many rows; the ends stop it. */
  moveActive(by: number): void {
    const keys = this._reachable();
    if (keys.length === 0) {
      return;
    }
    const at = this._activeKey === null ? -1 : keys.indexOf(this._activeKey);
    const to = at < 0 ? (by > 0 ? 0 : keys.length - 1) : at + by;
    this.setActive(keys[Math.min(keys.length - 1, Math.max(0, to))]);
  }

  /** Right: open, or go to the first run beneath. */
  moveIn(): void {
    const row = this.activeRow;
    if (row?.type !== 'experiment' && row?.type !== 'run') {
      return;
    }
    if (row.expanded === true) {
      this.moveActive(1);
    } else if (row.type === 'experiment') {
      this.toggle(row.experiment.id, true);
    } else if (row.expanded === false) {
      this.toggleRun(row.run.id, true);
    }
  }

  /** Left: close, or go to what it is beneath. */
  moveOut(): void {
    const row = this.activeRow;
    if (row?.type === 'experiment') {
      this.toggle(row.experiment.id, false);
    } else if (row?.type === 'run' && row.expanded === true) {
      this.toggleRun(row.run.id, false);
    } else if (row?.type === 'run' && row.parent !== null) {
      this.setActive(row.parent);
    }
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._epoch += 1;
    this._searchEpoch += 1;
    this._typing.dispose();
    Signal.clearData(this);
  }

  private _reachable(): string[] {
    return this.rows
      .filter(row => row.type === 'experiment' || row.type === 'run')
      .map(row => row.key);
  }

  private _forget(): void {
    this._experiments.clear();
    this._order = [];
    this._experimentsNext = null;
    this._groups.clear();
    this._expanded.clear();
    this._folded.clear();
    this._runs.clear();
    this._results = null;
    this._resultsNext = null;
    this._problem = null;
    this._queryProblem = null;
    this._activeKey = null;
    this._touched.clear();
    this._searchEpoch += 1;
  }

  private _makeRows(): Row[] {
    if (this._results !== null) {
      return resultRows(
        this._known(this._results),
        metricOfQuery(this._query),
        this._resultsNext !== null,
        this._isSearching
      );
    }
    const groups: Group[] = [];
    for (const id of this._order) {
      const experiment = this._experiments.get(id);
      if (experiment !== undefined) {
        const group = this._groups.get(id);
        groups.push({
          experiment,
          expanded: this._isExpanded(id),
          loading: group?.loading ?? false,
          runs: this._known(group?.ids ?? []),
          more: group?.loaded !== true || group.next !== null
        });
      }
    }
    return treeRows(groups, this._experimentsNext !== null, this._folded);
  }

  private _known(ids: readonly string[]): Run[] {
    return ids.flatMap(id => this._runs.get(id) ?? []);
  }

  private _isExpanded(id: string): boolean {
    return this._expanded.get(id) ?? false;
  }

  private _mayHaveChanged(
    id: string,
    before: ReadonlyMap<string, Experiment>
  ): boolean {
    const was = before.get(id);
    const is = this._experiments.get(id);
    return (
      was?.run_count !== is?.run_count ||
      was?.last_activity !== is?.last_activity ||
      this._known(this._groups.get(id)?.ids ?? []).some(
        run => run.status === 'running'
      )
    );
  }

  private async _load(): Promise<void> {
    const epoch = this._epoch;
    try {
      await this._loadExperiments();
      if (epoch !== this._epoch) {
        return;
      }
      this._phase = 'ready';
      this._succeeded();
    } catch (thrown) {
      this._failed(thrown, epoch);
      throw thrown;
    }
  }

  private async _loadExperiments(): Promise<void> {
    const epoch = this._epoch;
    const first = this._experiments.size === 0;
    const page = await experimentsList(this._request, {
      limit: EXPERIMENTS_PAGE
    });
    if (epoch !== this._epoch) {
      return;
    }
    const fresh = page.items.filter(one => !this._experiments.has(one.id));
    for (const experiment of page.items) {
      this._experiments.set(experiment.id, experiment);
    }
    this._order = mergePage(
      this._order,
      [...page.items].sort(byActivity).map(one => one.id),
      page.next === null
    );
    if (first || page.next === null) {
      this._experimentsNext = page.next;
    }
    // What somebody starts while looking is what they want to see.
    const opened = first
      ? this._order.slice(0, OPEN_AT_FIRST)
      : fresh.map(one => one.id);
    for (const id of opened) {
      if (!this._expanded.has(id)) {
        this._expanded.set(id, true);
        this._openGroup(id);
      }
    }
    this._emit();
  }

  private _openGroup(id: string): void {
    if (this._groups.get(id)?.loaded !== true) {
      this.loadMore(id);
    }
  }

  private async _more(group: string | null): Promise<void> {
    const epoch = this._epoch;
    try {
      if (group !== null) {
        await this._moreRuns(group);
      } else if (this._results !== null) {
        await this._moreResults();
      } else {
        await this._moreExperiments();
      }
    } catch (thrown) {
      this._failed(thrown, epoch);
      throw thrown;
    }
  }

  private async _moreRuns(id: string): Promise<void> {
    const group = this._groups.get(id) ?? {
      ids: [],
      next: null,
      loaded: false,
      loading: false
    };
    if (group.loading || (group.loaded && group.next === null)) {
      return;
    }
    const epoch = this._epoch;
    group.loading = true;
    this._groups.set(id, group);
    this._emit();
    try {
      const page = await runsList(this._request, {
        id,
        limit: this._settings.pageSize,
        ...(group.next === null ? {} : { after: group.next })
      });
      if (epoch !== this._epoch) {
        return;
      }
      page.items.forEach(run => this._put(run, false));
      const ids = page.items.map(run => run.id);
      group.ids = [...group.ids.filter(one => !ids.includes(one)), ...ids];
      group.next = page.next;
      group.loaded = true;
    } finally {
      group.loading = false;
      this._emit();
    }
  }

  private async _moreExperiments(): Promise<void> {
    const after = this._experimentsNext;
    if (after === null) {
      return;
    }
    const epoch = this._epoch;
    this._experimentsNext = null;
    try {
      const page = await experimentsList(this._request, {
        limit: EXPERIMENTS_PAGE,
        after
      });
      if (epoch !== this._epoch) {
        return;
      }
      for (const experiment of page.items) {
        if (!this._experiments.has(experiment.id)) {
          this._order.push(experiment.id);
        }
        this._experiments.set(experiment.id, experiment);
      }
      this._experimentsNext = page.next;
      this._emit();
    } catch (thrown) {
      if (epoch === this._epoch) {
        this._experimentsNext = after;
      }
      throw thrown;
    }
  }

  private async _moreResults(): Promise<void> {
    const after = this._resultsNext;
    if (after === null || this._isSearching) {
      return;
    }
    const epoch = this._searchEpoch;
    this._isSearching = true;
    this._emit();
    try {
      const page = await runsSearch(this._request, {
        query: this._query,
        limit: this._settings.pageSize,
        after
      });
      if (epoch !== this._searchEpoch || this._results === null) {
        return;
      }
      page.items.forEach(run => this._put(run, false));
      const ids = page.items.map(run => run.id);
      this._results = [
        ...this._results.filter(one => !ids.includes(one)),
        ...ids
      ];
      this._resultsNext = page.next;
    } finally {
      if (epoch === this._searchEpoch) {
        this._isSearching = false;
        this._emit();
      }
    }
  }

  private async _search(): Promise<void> {
    const epoch = ++this._searchEpoch;
    if (this._workspace?.exists !== true) {
      this._isSearching = false;
      this._emit();
      return;
    }
    this._isSearching = true;
    this._emit();
    try {
      const page = await runsSearch(this._request, {
        query: this._query,
        limit: this._settings.pageSize
      });
      if (epoch !== this._searchEpoch) {
        return;
      }
      page.items.forEach(run => this._put(run, false));
      this._results = page.items.map(run => run.id);
      this._resultsNext = page.next;
      this._queryProblem = null;
      this._problem = null;
      const active = this._activeKey;
      if (active !== null && !this._results.some(id => runKey(id) === active)) {
        this._activeKey = null;
      }
    } catch (thrown) {
      if (epoch !== this._searchEpoch) {
        return;
      }
      const problem = asProblem(thrown);
      if (problem.kind === 'refused') {
        // Half-typed text is refused all the time: the last list stays, the reason stands below.
        this._queryProblem = problem;
      } else {
        this._problem = problem;
      }
    }
    this._isSearching = false;
    this._emit();
  }

  /** The filter again, for what is new; what was scrolled to stays. */
  private async _research(): Promise<void> {
    const epoch = this._searchEpoch;
    const page = await runsSearch(this._request, {
      query: this._query,
      limit: this._settings.pageSize
    }).catch((thrown: unknown) => {
      if (asProblem(thrown).kind === 'refused') {
        return null;
      }
      throw thrown;
    });
    if (
      page === null ||
      epoch !== this._searchEpoch ||
      this._results === null ||
      this._queryProblem !== null
    ) {
      return;
    }
    page.items.forEach(run => this._put(run, true));
    this._results = mergePage(
      this._results,
      page.items.map(run => run.id),
      page.next === null
    );
    if (page.next === null) {
      this._resultsNext = null;
    }
    this._emit();
  }

  /** The first page of an experiment again. */
  private async _reload(id: string): Promise<void> {
    const group = this._groups.get(id);
    if (group === undefined || group.loading) {
      return;
    }
    const epoch = this._epoch;
    const page = await runsList(this._request, {
      id,
      limit: this._settings.pageSize
    });
    if (epoch !== this._epoch) {
      return;
    }
    page.items.forEach(run => this._put(run, true));
    group.ids = mergePage(
      group.ids,
      page.items.map(run => run.id),
      page.next === null
    );
    if (page.next === null) {
      group.next = null;
    }
    this._emit();
  }

  /** Work off what was touched; what arrives meanwhile is worked off after it. */
  private async _catchUp(): Promise<void> {
    this._isTouching = true;
    let epoch = this._epoch;
    try {
      while (this._touched.size > 0 || this._touchedExperiments) {
        epoch = this._epoch;
        const ids = [...this._touched];
        this._touched.clear();
        const experiments = this._touchedExperiments;
        this._touchedExperiments = false;
        if (ids.length > ONE_BY_ONE) {
          await this.refresh();
          continue;
        }
        const strangers = await this._fetch(ids, epoch);
        if (experiments || strangers) {
          await this._loadExperiments();
        }
        if (this._results !== null && ids.length > 0) {
          await this._research();
        }
        if (epoch === this._epoch) {
          this._succeeded();
        }
      }
    } catch (thrown) {
      this._failed(thrown, epoch);
    } finally {
      this._isTouching = false;
    }
  }

  /** Fetch these runs; true if one of them was not known before. */
  private async _fetch(
    ids: readonly string[],
    epoch: number
  ): Promise<boolean> {
    let strangers = false;
    await Promise.all(
      ids.map(async id => {
        try {
          const run = await runsGet(this._request, { id });
          if (epoch === this._epoch) {
            strangers = !this._runs.has(run.id) || strangers;
            this._put(run, true);
            this._place(run);
          }
        } catch (thrown) {
          if (asProblem(thrown).status !== 404) {
            throw thrown;
          }
          this._drop(id);
          strangers = true;
        }
      })
    );
    this._emit();
    return strangers;
  }

  private _place(run: Run): void {
    const group = this._groups.get(run.experiment_id);
    if (group?.loaded === true && !group.ids.includes(run.id)) {
      // Answers come in any order; the list has the server's.
      const known = [run.id, ...group.ids]
        .map(id => this._runs.get(id))
        .filter(each => each !== undefined);
      group.ids = known.sort(newestFirst).map(each => each.id);
    }
    const order = this._order;
    if (order.includes(run.experiment_id) && order[0] !== run.experiment_id) {
      const experiment = this._experiments.get(run.experiment_id);
      if (
        experiment !== undefined &&
        run.status === 'running' &&
        this._activeKey === null
      ) {
        // Not while somebody is walking through the list: rows must not jump under the cursor.
        this._order = [
          run.experiment_id,
          ...order.filter(id => id !== run.experiment_id)
        ];
      }
    }
  }

  private _drop(id: string): void {
    this._runs.delete(id);
    for (const group of this._groups.values()) {
      group.ids = group.ids.filter(one => one !== id);
    }
  }

  private _put(run: Run, tell: boolean): void {
    const before = this._runs.get(run.id);
    this._runs.set(run.id, run);
    if (tell && before?.status !== run.status) {
      this._statusChanged.emit({ run, before: before?.status ?? null });
    }
  }

  private _succeeded(): void {
    this._problem = null;
    this._emit();
  }

  private _failed(thrown: unknown, epoch: number): void {
    if (epoch === this._epoch && !this._isDisposed) {
      this._problem = asProblem(thrown);
      this._emit();
    }
  }

  /** For calls nobody waits for: the reason is in `problem` already. */
  private async _quietly(work: Promise<void>): Promise<void> {
    await work.catch(() => undefined);
  }

  private _emit(): void {
    this._rows = null;
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private readonly _client: Client;
  private readonly _settings: Settings;
  private _request: Requester;
  private readonly _typing: Debouncer<void>;
  private _workspace: WorkspaceView | null = null;
  private _phase: Phase = 'idle';
  private _problem: Problem | null = null;
  private _query = '';
  private _queryProblem: Problem | null = null;
  private _isSearching = false;
  private readonly _experiments = new Map<string, Experiment>();
  private _order: string[] = [];
  private _experimentsNext: string | null = null;
  private readonly _groups = new Map<string, Private.IGroup>();
  private readonly _expanded = new Map<string, boolean>();
  /** Runs whose parts are hidden. */
  private readonly _folded = new Set<string>();
  private readonly _runs = new Map<string, Run>();
  private _results: string[] | null = null;
  private _resultsNext: string | null = null;
  private _rows: Row[] | null = null;
  private _activeKey: string | null = null;
  private readonly _touched = new Set<string>();
  private _touchedExperiments = false;
  private _isTouching = false;
  /** Answers to questions from before a change of workspace (or filter) are thrown away. */
  private _epoch = 0;
  private _searchEpoch = 0;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _statusChanged = new Signal<this, StatusChange>(this);
  private _isDisposed = false;
}

export namespace RunsModel {
  export interface IOptions {
    client: Client;
    settings: Settings;
  }
}

namespace Private {
  export interface IGroup {
    ids: string[];
    next: string | null;
    loaded: boolean;
    loading: boolean;
  }
}

const byActivity = (a: Experiment, b: Experiment): number => {
  const left = a.last_activity ?? a.created;
  const right = b.last_activity ?? b.created;
  return left < right ? 1 : left > right ? -1 : 0;
};
