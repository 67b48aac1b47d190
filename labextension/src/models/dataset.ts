import type { IDisposable } from '@lumino/disposable';
import { Throttler } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { versionName } from '../figures/dataset';
import type { DatasetTab } from '../figures/link';
import {
  ColumnSummaries,
  DatasetDiff,
  DatasetVersion,
  datasetsAlias,
  datasetsRemoveAlias,
  datasetsColumns,
  datasetsCompare,
  datasetsDelete,
  datasetsDrift,
  datasetsGetPath,
  datasetsShow,
  datasetsUpdate,
  datasetsVersions,
  DriftReport,
  LeakageReport,
  LineageGraph,
  lineageGraph,
  Requester
} from '../services/api';
import type { Change } from '../services/change';
import type { Client } from '../services/client';
import { cancelled, resultOf } from '../services/job';
import { asProblem, Problem } from '../services/problem';
import type { Phase } from './runs';

/** Versions fetched at a time. */
const PAGE = 50;
/** Statistics are kept of so many versions, for whoever goes to and fro. */
const KEPT = 4;
const REDRAW_MS = 500;
const LINEAGE = 'GET /lineage';
const COMPARE = 'POST /datasets/comparisons';
/** The server gives no longer pages. */
const LONGEST_PAGE = 1000;
/** More edges than this are not fetched for a picture of some sixty nodes. */
const MOST_EDGES = 2000;

export type Format = 'parquet' | 'csv' | 'arrow';

/** How a dataset is shown. */
export interface DatasetState {
  /** Number of the version; null: always the latest. */
  readonly version: number | null;
  readonly tab: DatasetTab;
  /** What it is compared with, such as `sales@v1`; null: the version before. */
  readonly against: string | null;
}

/** The statistics of a version's columns, or why there are none. */
export interface Columns {
  readonly phase: Phase;
  readonly summaries: ColumnSummaries | null;
  readonly problem: Problem | null;
}

/** What is looked for between two versions. */
export type Find = 'drift' | 'differences' | 'leakage';

/** What an answer to each of them is. */
interface Findings {
  drift: DriftReport;
  differences: DatasetDiff;
  leakage: LeakageReport;
}

/** Something that is looked for, was found, or was not, and why. */
export interface Finding<T> {
  readonly phase: Phase;
  readonly found: T | null;
  readonly problem: Problem | null;
  /** From 0 to 1 while it is looked for; null where that cannot be told. */
  readonly share: number | null;
}

const NOT_ASKED: Finding<never> = {
  phase: 'idle',
  found: null,
  problem: null,
  share: null
};

/** The version that is compared with, or why there is none. */
export interface Other {
  readonly version: DatasetVersion | null;
  readonly problem: Problem | null;
}

const NO_COLUMNS: Columns = { phase: 'idle', summaries: null, problem: null };

/** One dataset: its versions, the one that is looked at, and the statistics of its columns. */
export class DatasetModel implements IDisposable {
  constructor(options: DatasetModel.IOptions) {
    this.workspace = options.workspace;
    this.name = options.name;
    this._client = options.client;
    this._request = options.client.requester(options.workspace);
    this._redraw = new Throttler(() => this.refresh(), {
      limit: REDRAW_MS,
      edge: 'trailing'
    });
  }

  readonly workspace: string | null;
  readonly name: string;

  get state(): DatasetState {
    return this._state;
  }

  /** What names that which is shown: `sales` for the latest, `sales@v3`. */
  get reference(): string {
    const { version } = this._state;
    return version === null ? this.name : versionName(this.name, version);
  }

  /** Latest first, as far as they were fetched. */
  get versions(): readonly DatasetVersion[] {
    return this._versions;
  }

  get hasMore(): boolean {
    return this._next !== null;
  }

  /** The version that is looked at; null until the server has answered. */
  get version(): DatasetVersion | null {
    return this._shown;
  }

  get columns(): Columns {
    return this._shown === null ? NO_COLUMNS : this.columnsOf(this._shown);
  }

  /** What is known of the columns of any version. */
  columnsOf(version: DatasetVersion): Columns {
    return this._columns.get(version.id) ?? NO_COLUMNS;
  }

  /** Whether the server compares versions. */
  get canCompare(): boolean {
    return this._client.capabilities.has(COMPARE);
  }

  /** Whether the server draws lineage. */
  get hasLineage(): boolean {
    return this._client.capabilities.takes(LINEAGE, 'drawing');
  }

  /** Where the version came from and what came of it; null until it was fetched. */
  get lineage(): LineageGraph | null {
    return this._lineage?.of.id === this._shown?.id ? this._lineage : null;
  }

  get lineageProblem(): Problem | null {
    return this._lineageProblem;
  }

  /** What the version is compared with: a reference, by default the version before it. */
  get against(): string | null {
    const { against } = this._state;
    const shown = this._shown;
    if (against !== null || shown === null) {
      return against;
    }
    const others = this._versions.filter(one => one.id !== shown.id);
    const before =
      others.find(one => one.version < shown.version) ?? others.at(0);
    return before === undefined
      ? null
      : versionName(before.dataset, before.version);
  }

  /** The version of that reference; null until it was fetched. */
  otherOf(reference: string): Other | null {
    return this._others.get(reference) ?? null;
  }

  /** Fetch the version that is compared with. */
  async loadOther(reference: string): Promise<void> {
    if (this._others.get(reference)?.problem === null) {
      return;
    }
    this._others.set(reference, { version: null, problem: null });
    let other: Other;
    try {
      const version = await datasetsShow(this._request, { id: reference });
      other = { version, problem: null };
    } catch (thrown) {
      const problem = asProblem(thrown);
      this._noteAway(problem);
      other = { version: null, problem };
    }
    if (!this._isDisposed) {
      this._others.set(reference, other);
      this._changed.emit();
    }
  }

  /** What was found against a reference; differences by the columns of a key, if any. */
  finding<F extends Find>(
    find: F,
    against: string,
    key: readonly string[] = []
  ): Finding<Findings[F]> {
    return (
      (this._findings.get(this._keyOf(find, against, key)) as
        Finding<Findings[F]> | undefined) ?? NOT_ASKED
    );
  }

  /** Look for something between a reference and the version; the server keeps reports of drift. */
  async look(
    find: Find,
    against: string,
    key: readonly string[] = []
  ): Promise<void> {
    const version = this._shown;
    if (version === null) {
      return;
    }
    const place = this._keyOf(find, against, key);
    this._stops.get(place)?.abort();
    const stop = new AbortController();
    this._stops.set(place, stop);
    const tell = (finding: Partial<Finding<unknown>>): void => {
      if (!this._isDisposed && this._stops.get(place) === stop) {
        this._findings.set(place, { ...NOT_ASKED, ...finding });
        this._changed.emit();
      }
    };
    tell({ phase: 'loading' });
    try {
      const found = await this._found(
        find,
        against,
        versionName(version.dataset, version.version),
        key,
        stop.signal,
        share => tell({ phase: 'loading', share })
      );
      tell({ phase: 'ready', found });
    } catch (thrown) {
      const problem = asProblem(thrown);
      tell(
        problem.code === 'cancelled'
          ? { phase: 'idle' }
          : { phase: 'ready', problem }
      );
    }
  }

  /** Look no longer for something. */
  stop(find: Find, against: string, key: readonly string[] = []): void {
    const place = this._keyOf(find, against, key);
    this._stops.get(place)?.abort();
  }

  private async _found(
    find: Find,
    a: string,
    b: string,
    key: readonly string[],
    signal: AbortSignal,
    onShare: (share: number | null) => void
  ): Promise<unknown> {
    if (find === 'drift') {
      return Promise.race([
        datasetsDrift(this._request, { reference: a, current: b }),
        new Promise<never>((_, reject) =>
          signal.addEventListener('abort', () => reject(cancelled()))
        )
      ]);
    }
    const accepted = await datasetsCompare(this._request, {
      a,
      b,
      find,
      ...(find === 'differences' ? { key: [...key] } : {})
    });
    return resultOf(this._request, accepted, signal, ({ share }) =>
      onShare(share)
    );
  }

  private _keyOf(find: Find, against: string, key: readonly string[]): string {
    return JSON.stringify([find, against, this._shown?.id ?? '', ...key]);
  }

  /** Fetch where the version came from, and what came of it. */
  async loadLineage(): Promise<void> {
    const version = this._shown;
    if (version === null || !this.hasLineage) {
      return;
    }
    try {
      const lineage = await lineageGraph(this._request, {
        kind: 'dataset_version',
        id: version.id,
        limit: MOST_EDGES,
        drawing: true
      });
      if (this._isDisposed || version.id !== this._shown?.id) {
        return;
      }
      this._lineage = lineage;
      this._lineageProblem = null;
    } catch (thrown) {
      if (this._isDisposed) {
        return;
      }
      this._lineageProblem = asProblem(thrown);
      this._noteAway(this._lineageProblem);
    }
    this._changed.emit();
  }

  get phase(): Phase {
    return this._phase;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  get isDownloading(): boolean {
    return this._isDownloading;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** What belongs to the view's address changed. */
  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Show another version or tab. */
  show(change: Partial<DatasetState>): void {
    const before = this._state;
    this._state = { ...before, ...change };
    if (this._state.version !== before.version) {
      // What the list knows of it is shown at once, else what was shown until the answer is there.
      this._shown = this._known(this._state.version) ?? this._shown;
      void this.refresh().catch(() => undefined);
    }
    this._changed.emit();
    this._stateChanged.emit();
  }

  /** Look for what is new; rejects with what went wrong. */
  async refresh(): Promise<void> {
    if (this._phase === 'idle') {
      this._phase = 'loading';
      this._changed.emit();
    }
    const asked = ++this._asked;
    try {
      await this._client.capabilities.load();
      const [page, shown] = await Promise.all([
        datasetsVersions(this._request, {
          name: this.name,
          fields: false,
          limit: Math.min(LONGEST_PAGE, Math.max(PAGE, this._versions.length))
        }),
        datasetsShow(this._request, { id: this.reference })
      ]);
      if (this._isDisposed || asked !== this._asked) {
        return;
      }
      this._versions = page.items;
      this._next = page.next;
      this._shown = shown;
      this._phase = 'ready';
      const wasAway = this._problem?.kind === 'offline';
      this._problem = null;
      this._changed.emit();
      if (wasAway) {
        this._fetchWhatFailed();
      }
    } catch (thrown) {
      if (!this._isDisposed && asked === this._asked) {
        this._problem = asProblem(thrown);
        if (this._problem.status === 404) {
          // It was deleted: what is still known of it is no use to anybody.
          this._shown = null;
        }
        this._changed.emit();
      }
      throw thrown;
    }
  }

  /** Fetch the versions before those that are known. */
  async loadMore(): Promise<void> {
    const after = this._next;
    if (after === null) {
      return;
    }
    const asked = this._asked;
    const page = await datasetsVersions(this._request, {
      name: this.name,
      fields: false,
      limit: PAGE,
      after
    });
    if (!this._isDisposed && asked === this._asked && after === this._next) {
      this._versions = [...this._versions, ...page.items];
      this._next = page.next;
      this._changed.emit();
    }
  }

  /** Fetch the statistics of the version's columns, once; what failed is tried again when asked. */
  async loadColumns(
    isAgain = false,
    version: DatasetVersion | null = this._shown
  ): Promise<void> {
    if (version === null) {
      return;
    }
    const known = this._columns.get(version.id);
    if (known !== undefined && !(isAgain && known.problem !== null)) {
      return;
    }
    this._keepColumns(version.id, {
      phase: 'loading',
      summaries: null,
      problem: null
    });
    let columns: Columns;
    try {
      const summaries = await datasetsColumns(this._request, {
        id: versionName(version.dataset, version.version)
      });
      columns = { phase: 'ready', summaries, problem: null };
    } catch (thrown) {
      const problem = asProblem(thrown);
      this._noteAway(problem);
      columns = { phase: 'ready', summaries: null, problem };
    }
    if (!this._isDisposed) {
      this._keepColumns(version.id, columns);
    }
  }

  /** The server told that something changed. */
  touch(change: Change): void {
    if (
      change.kind === 'lineage' &&
      this._state.tab === 'lineage' &&
      change.ids.includes(this._shown?.id ?? '')
    ) {
      void this.loadLineage();
    }
    if (
      change.kind === 'dataset' &&
      (this.workspace === null || change.workspace === this.workspace)
    ) {
      // The change names datasets by id; versions carry no more than the name, and asking is cheap.
      void this._redraw.invoke().catch(() => undefined);
    }
  }

  /** Change the description or tags of the version; an empty value takes a tag away. */
  async update(change: {
    description?: string;
    tags?: Record<string, string>;
  }): Promise<void> {
    await datasetsUpdate(this._request, { id: this._which(), ...change });
    await this.refresh();
  }

  /** Point an alias at the version. */
  async setAlias(alias: string): Promise<void> {
    await datasetsAlias(this._request, { id: this._which(), alias });
    await this.refresh();
  }

  /** Take an alias away from the version. */
  async removeAlias(alias: string): Promise<void> {
    await datasetsRemoveAlias(this._request, { id: this._which(), alias });
    await this.refresh();
  }

  /** Delete the version, or the whole dataset; whether any version is left. */
  async delete(isAll: boolean): Promise<boolean> {
    const id = isAll ? this.name : this._which();
    const gone = this._shown;
    await datasetsDelete(this._request, {
      id,
      ...(isAll ? { all: true } : {})
    });
    const left = isAll ? [] : this._versions.filter(one => one.id !== gone?.id);
    if (left.length === 0 && this._next === null) {
      return false;
    }
    this._versions = left;
    this._shown = null;
    this.show({ version: null });
    await this.refresh();
    return true;
  }

  /** The bytes of the version. */
  async download(format: Format): Promise<Blob> {
    this._isDownloading = true;
    this._changed.emit();
    try {
      return await this._client.download(
        this.workspace,
        datasetsGetPath({ id: this._which() }),
        this._shown?.kind === 'table' ? { format } : {}
      );
    } finally {
      this._isDownloading = false;
      this._changed.emit();
    }
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._stops.forEach(stop => stop.abort());
    this._redraw.dispose();
    Signal.clearData(this);
  }

  /** Whoever finds that the server is away has it looked for: what has a problem is refreshed. */
  private _noteAway(problem: Problem): void {
    if (problem.kind === 'offline') {
      this._problem = problem;
    }
  }

  /** The server is back: fetch what could not be fetched, without being asked. */
  private _fetchWhatFailed(): void {
    const isAway = (problem: Problem | null): boolean =>
      problem?.kind === 'offline';
    for (const [reference, { problem }] of this._others) {
      if (isAway(problem)) {
        void this.loadOther(reference);
      }
    }
    if (isAway(this.columns.problem)) {
      void this.loadColumns(true);
    }
    if (isAway(this._lineageProblem)) {
      void this.loadLineage();
    }
  }

  private _known(version: number | null): DatasetVersion | null {
    return (
      (version === null
        ? this._versions.at(0)
        : this._versions.find(one => one.version === version)) ?? null
    );
  }

  /** The version that is shown, by its lasting name: what is done to it happens to no later one. */
  private _which(): string {
    return this._shown === null
      ? this.reference
      : versionName(this._shown.dataset, this._shown.version);
  }

  private _keepColumns(id: string, columns: Columns): void {
    this._columns.delete(id);
    this._columns.set(id, columns);
    const [oldest] = this._columns.keys();
    if (this._columns.size > KEPT) {
      this._columns.delete(oldest);
    }
    this._changed.emit();
  }

  private readonly _client: Client;
  private readonly _request: Requester;
  private readonly _redraw: Throttler<void>;
  private _state: DatasetState = {
    version: null,
    tab: 'columns',
    against: null
  };
  private _versions: readonly DatasetVersion[] = [];
  private _next: string | null = null;
  private _shown: DatasetVersion | null = null;
  private readonly _columns = new Map<string, Columns>();
  private readonly _others = new Map<string, Other>();
  private readonly _findings = new Map<string, Finding<unknown>>();
  private readonly _stops = new Map<string, AbortController>();
  private _lineage: LineageGraph | null = null;
  private _lineageProblem: Problem | null = null;
  private _phase: Phase = 'idle';
  private _problem: Problem | null = null;
  private _isDownloading = false;
  private _asked = 0;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _stateChanged = new Signal<this, void>(this);
  private _isDisposed = false;
}

export namespace DatasetModel {
  export interface IOptions {
    client: Client;
    workspace: string | null;
    name: string;
  }
}
