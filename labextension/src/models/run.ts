import type { IDisposable } from '@lumino/disposable';
import { Throttler } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { naturally } from '../figures/columns';
import { CHARTS, ChartsState, RunTab } from '../figures/link';
import { Look, looksOf } from '../figures/palette';
import {
  Artifact,
  Environment,
  LineageGraph,
  lineageGraph,
  Metric,
  Requester,
  Run,
  runsArtifactFolderPath,
  runsArtifactPath,
  runsEnvironment,
  runsGet,
  runsMetrics,
  runsRestore,
  runsSetTags,
  runsUpdate
} from '../services/api';
import type { Change } from '../services/change';
import type { Client } from '../services/client';
import {
  askPreview,
  kindOf,
  Preview,
  PREVIEW,
  readPreview
} from '../services/preview';
import { asProblem, Problem } from '../services/problem';
import { CoursesModel } from './courses';
import type { Phase } from './runs';

/** A run that logs all the time is drawn anew this often at most. */
const REDRAW_MS = 500;
/** More metrics than this nobody scrolls through; the rest is named in a sentence. */
const MAX_METRICS = 1000;

/** How a run is shown. */
export interface RunState {
  readonly tab: RunTab;
  readonly charts: ChartsState;
  /** Name of the artifact that is looked into; null: the first. */
  readonly opened: string | null;
}

const ENVIRONMENT = 'GET /runs/{id}/environment';
const LINEAGE = 'GET /lineage';
/** More edges than this are not fetched for a picture of some sixty nodes. */
const MOST_EDGES = 2000;
const FOLDER = 'GET /runs/{id}/folders/{name}';

/** One run: its facts, the courses of those metrics that somebody looks at, the files that are looked into. */
export class RunModel implements IDisposable {
  constructor(options: RunModel.IOptions) {
    this.workspace = options.workspace;
    this.id = options.id;
    this.courses = new CoursesModel(options.client);
    this._tab = options.tab ?? 'overview';
    this._client = options.client;
    this._request = options.client.requester(options.workspace);
    this._redraw = new Throttler(() => this.refresh(), {
      limit: REDRAW_MS,
      edge: 'trailing'
    });
  }

  readonly workspace: string | null;
  readonly id: string;
  readonly courses: CoursesModel;

  get run(): Run | null {
    return this._run;
  }

  /** The run that this one is part of, once it is known. */
  get parent(): Run | null {
    return this._parent;
  }

  get metrics(): readonly Metric[] {
    return this._metrics;
  }

  /** Whether there are more metrics than are shown. */
  get isCut(): boolean {
    return this._isCut;
  }

  get phase(): Phase {
    return this._phase;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  get isLive(): boolean {
    return this._run?.status === 'running';
  }

  get tab(): RunTab {
    return this._tab;
  }

  set tab(tab: RunTab) {
    this.show({ tab });
  }

  /** Show a tab, set the charts, look into an artifact. */
  show({ tab, charts, opened }: Partial<RunState>): void {
    this._tab = tab ?? this._tab;
    if (charts !== undefined) {
      this._charts = charts;
      this._showCourses();
    }
    if (opened !== undefined) {
      this._opened = opened;
    }
    this._changed.emit();
    this._stateChanged.emit();
  }

  /** How its charts are set. */
  get charts(): ChartsState {
    return this._charts;
  }

  setCharts(change: Partial<ChartsState>): void {
    this.show({ charts: { ...this._charts, ...change } });
  }

  get looks(): ReadonlyMap<string, Look> {
    return this._looks;
  }

  /** Names of artifacts that are being fetched; those of folders end in a slash. */
  get downloading(): ReadonlySet<string> {
    return this._downloading;
  }

  /** Name of the artifact that is looked into. */
  get opened(): string | null {
    return this._opened;
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

  /** What is known of the inside of an artifact; null until somebody looks. */
  preview(name: string): Preview | null {
    return this._previews.get(name) ?? null;
  }

  /** Look into an artifact. */
  openArtifact(name: string): void {
    if (name !== this._opened) {
      this.show({ opened: name });
    }
    this.look(name);
  }

  /** Fetch what can be shown of an artifact, once. */
  look(name: string): void {
    const artifact = this._run?.artifacts.find(one => one.name === name);
    if (artifact !== undefined && !this._previews.has(name)) {
      void this._loadPreview(artifact);
    }
  }

  /** What was captured of the environment it ran in; null where that is not known. */
  get environment(): Environment | null {
    return this._environment;
  }

  /** Fetch the environment, once, where the server has it. */
  async lookAtEnvironment(): Promise<void> {
    await this._client.capabilities.load();
    if (
      this._environment !== null ||
      !this._client.capabilities.has(ENVIRONMENT)
    ) {
      return;
    }
    try {
      this._environment = await runsEnvironment(this._request, {
        id: this.id
      });
    } catch {
      // Not captured, or gone: the few facts that every run has are shown all the same.
      return;
    }
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  /** Where it came from and what came of it; null as long as that is not known, or the server can't tell. */
  get lineage(): LineageGraph | null {
    return this._lineage;
  }

  /** Look for what is new; rejects with what went wrong. */
  async refresh(): Promise<void> {
    if (this._phase === 'idle') {
      this._phase = 'loading';
      this._changed.emit();
    }
    try {
      const [run, metrics] = await Promise.all([
        runsGet(this._request, { id: this.id }),
        this._loadMetrics(),
        this._client.capabilities.load()
      ]);
      if (this._isDisposed) {
        return;
      }
      this._run = run;
      this._metrics = metrics;
      this._looks = looksOf([run.id]);
      this._phase = 'ready';
      this._problem = null;
      this._counts = new Map(metrics.map(one => [one.name, one.count]));
      this._showCourses();
      this._changed.emit();
      void this._loadLineage(run);
      if (run.parent_id !== null && this._parent === null) {
        void this._loadParent(run.parent_id);
      }
    } catch (thrown) {
      if (!this._isDisposed) {
        this._problem = asProblem(thrown);
        this._changed.emit();
      }
      throw thrown;
    }
  }

  /** The server told that something changed. */
  touch(change: Change): void {
    if (change.kind === 'lineage') {
      this._lineageKey = '';
    }
    if (
      (change.kind === 'run' || change.kind === 'lineage') &&
      (this.workspace === null || change.workspace === this.workspace) &&
      change.ids.includes(this._run?.id ?? this.id)
    ) {
      void this._redraw.invoke().catch(() => undefined);
    }
  }

  /** Change its name, its notes or its group. */
  async update(change: {
    name?: string;
    notes?: string;
    group?: string;
  }): Promise<void> {
    await runsUpdate(this._request, { id: this.id, ...change });
    await this.refresh();
  }

  /** Set a tag; null takes it away. */
  async setTag(key: string, value: string | null): Promise<void> {
    await runsSetTags(this._request, { id: this.id, tags: { [key]: value } });
    await this.refresh();
  }

  /** Bring it back from the trash. */
  async restore(): Promise<void> {
    await runsRestore(this._request, { id: this.id });
    await this.refresh();
  }

  /** The bytes of an artifact. */
  download(name: string): Promise<Blob> {
    return this._whileDownloading(name, () => this._fetch(name));
  }

  /** Whether the server gives a folder of artifacts as one zip. */
  get hasFolders(): boolean {
    return this._client.capabilities.has(FOLDER);
  }

  /** All artifacts of a folder as one zip. */
  downloadFolder(name: string): Promise<Blob> {
    return this._whileDownloading(folderKey(name), () =>
      this._client.download(
        this.workspace,
        runsArtifactFolderPath({ id: this._run?.id ?? this.id, name })
      )
    );
  }

  private async _whileDownloading<T>(
    key: string,
    work: () => Promise<T>
  ): Promise<T> {
    this._downloading = new Set([...this._downloading, key]);
    this._changed.emit();
    try {
      return await work();
    } finally {
      this._downloading = new Set(
        [...this._downloading].filter(one => one !== key)
      );
      this._changed.emit();
    }
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._redraw.dispose();
    this.courses.dispose();
    for (const preview of this._previews.values()) {
      if (preview.kind === 'image') {
        URL.revokeObjectURL(preview.url);
      }
    }
    Signal.clearData(this);
  }

  private _showCourses(): void {
    if (this._run !== null) {
      this.courses.show(
        this.workspace,
        [this._run],
        this._charts.axis,
        (_, metric) => String(this._counts.get(metric))
      );
    }
  }

  private async _loadMetrics(): Promise<Metric[]> {
    const metrics: Metric[] = [];
    let after: string | null = null;
    do {
      const page: { items: Metric[]; next: string | null } = await runsMetrics(
        this._request,
        { id: this.id, ...(after === null ? {} : { after }) }
      );
      metrics.push(...page.items);
      after = page.next;
    } while (after !== null && metrics.length < MAX_METRICS);
    this._isCut = after !== null;
    return metrics.sort((a, b) => naturally(a.name, b.name));
  }

  /** Only its name is shown: without it, the page stands as it is. */
  private async _loadParent(id: string): Promise<void> {
    if (this._isParentAsked) {
      return;
    }
    this._isParentAsked = true;
    try {
      this._parent = await runsGet(this._request, { id });
      this._isParentAsked = false;
      if (!this._isDisposed) {
        this._changed.emit();
      }
    } catch (thrown) {
      // One that is gone does not come back; anything else is tried again with the next look.
      this._isParentAsked = asProblem(thrown).status === 404;
    }
  }

  /** Asked anew when something of the run changed that it may show. */
  private async _loadLineage(run: Run): Promise<void> {
    const key = JSON.stringify([
      run.status,
      run.artifacts.length,
      run.children
    ]);
    if (
      key === this._lineageKey ||
      !this._client.capabilities.takes(LINEAGE, 'drawing')
    ) {
      return;
    }
    this._lineageKey = key;
    try {
      this._lineage = await lineageGraph(this._request, {
        kind: 'run',
        id: run.id,
        limit: MOST_EDGES,
        drawing: true
      });
    } catch {
      // The rest of the page stands without it; the next look asks again.
      this._lineageKey = '';
      return;
    }
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private async _loadPreview(artifact: Artifact): Promise<void> {
    const { name } = artifact;
    const kind = kindOf(artifact);
    this._previews.set(name, { kind: 'loading' });
    this._changed.emit();
    await this._client.capabilities.load();
    let preview: Preview;
    try {
      if (typeof kind === 'string') {
        preview = await readPreview(
          kind,
          await this._fetch(name),
          name,
          artifact.media_type
        );
      } else if (
        kind.kind !== 'reference' &&
        this._client.capabilities.has(PREVIEW)
      ) {
        // What can't be read here, the server may know how to.
        preview = await askPreview(this._request, this.id, name, kind);
      } else {
        preview = kind;
      }
    } catch (thrown) {
      preview = { kind: 'failed', problem: asProblem(thrown) };
    }
    if (this._isDisposed) {
      return;
    }
    this._previews.set(name, preview);
    this._changed.emit();
  }

  private _fetch(name: string): Promise<Blob> {
    return this._client.download(
      this.workspace,
      runsArtifactPath({ id: this._run?.id ?? this.id, name })
    );
  }

  private readonly _client: Client;
  private readonly _request: Requester;
  private readonly _redraw: Throttler<void>;
  private _run: Run | null = null;
  private _parent: Run | null = null;
  private _isParentAsked = false;
  private _metrics: readonly Metric[] = [];
  private _isCut = false;
  private _counts = new Map<string, number>();
  private _environment: Environment | null = null;
  private _lineage: LineageGraph | null = null;
  private _lineageKey = '';
  private _phase: Phase = 'idle';
  private _problem: Problem | null = null;
  private _tab: RunTab;
  private _charts: ChartsState = CHARTS;
  private _looks = new Map<string, Look>();
  private _downloading: ReadonlySet<string> = new Set();
  private _opened: string | null = null;
  private readonly _previews = new Map<string, Preview>();
  private readonly _changed = new Signal<this, void>(this);
  private readonly _stateChanged = new Signal<this, void>(this);
  private _isDisposed = false;
}

/** What a folder is called among what is being fetched: a file may have its name. */
export const folderKey = (name: string): string => `${name}/`;

export namespace RunModel {
  export interface IOptions {
    client: Client;
    workspace: string | null;
    id: string;
    tab?: RunTab;
  }
}
