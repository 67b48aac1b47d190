import type { IDisposable } from '@lumino/disposable';
import { Throttler } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import type { Across, Point } from '../figures/chart';
import { toNumber } from '../figures/numbers';
import {
  Metric,
  Requester,
  Run,
  runsArtifactPath,
  runsGet,
  runsMetricHistory,
  runsMetrics
} from '../services/api';
import type { Change } from '../services/change';
import type { Client } from '../services/client';
import { asProblem, Problem } from '../services/problem';
import type { Phase } from './runs';

const MAX_POINTS = 500;
/** A run that logs all the time is drawn anew this often at most. */
const REDRAW_MS = 500;
/** More metrics than this nobody scrolls through; the rest is named in a sentence. */
const MAX_METRICS = 1000;

/** The course of one metric. */
export interface History {
  readonly points: readonly Point[];
  /** How many points there are in all; `points` is thinned by the server. */
  readonly count: number;
  readonly loading: boolean;
  readonly problem: Problem | null;
}

/** One run, with the courses of those metrics that somebody looks at. */
export class RunModel implements IDisposable {
  constructor(options: RunModel.IOptions) {
    this.workspace = options.workspace;
    this.id = options.id;
    this._client = options.client;
    this._request = options.client.requester(options.workspace);
    this._redraw = new Throttler(() => this.refresh(), {
      limit: REDRAW_MS,
      edge: 'trailing'
    });
  }

  readonly workspace: string | null;
  readonly id: string;

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

  /** What charts show across: steps, or time since the first point. */
  get across(): Across {
    return this._across;
  }

  set across(across: Across) {
    this._across = across;
    this._changed.emit();
  }

  get isLog(): boolean {
    return this._isLog;
  }

  set isLog(isLog: boolean) {
    this._isLog = isLog;
    this._changed.emit();
  }

  /** Names of artifacts that are being fetched. */
  get downloading(): ReadonlySet<string> {
    return this._downloading;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  history(name: string): History | null {
    return this._histories.get(name) ?? null;
  }

  /** Somebody looks at this metric: fetch its course, and keep it fresh from now on. */
  watch(name: string): void {
    if (!this._histories.has(name)) {
      void this._loadHistory(name);
    }
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
        this._loadMetrics()
      ]);
      if (this._isDisposed) {
        return;
      }
      const before = new Map(this._metrics.map(one => [one.name, one]));
      this._run = run;
      this._metrics = metrics;
      this._phase = 'ready';
      this._problem = null;
      this._changed.emit();
      if (run.parent_id !== null && this._parent === null) {
        void this._loadParent(run.parent_id);
      }
      await Promise.all(
        metrics
          .filter(one => this._histories.has(one.name))
          .filter(
            one =>
              before.get(one.name)?.count !== one.count ||
              this._histories.get(one.name)?.problem !== null
          )
          .map(one => this._loadHistory(one.name))
      );
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
    if (
      change.kind === 'run' &&
      (this.workspace === null || change.workspace === this.workspace) &&
      change.ids.includes(this._run?.id ?? this.id)
    ) {
      void this._redraw.invoke().catch(() => undefined);
    }
  }

  /** The bytes of an artifact. */
  async download(name: string): Promise<Blob> {
    this._downloading = new Set([...this._downloading, name]);
    this._changed.emit();
    try {
      return await this._client.download(
        this.workspace,
        runsArtifactPath({ id: this._run?.id ?? this.id, name })
      );
    } finally {
      this._downloading = new Set(
        [...this._downloading].filter(one => one !== name)
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
    Signal.clearData(this);
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
    return metrics;
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

  private async _loadHistory(name: string): Promise<void> {
    const before = this._histories.get(name);
    this._histories.set(name, {
      points: before?.points ?? [],
      count: before?.count ?? 0,
      loading: true,
      problem: null
    });
    let history: History;
    try {
      const answer = await runsMetricHistory(this._request, {
        id: this.id,
        name,
        max_points: MAX_POINTS
      });
      history = {
        points: answer.items.map(item => ({
          step: toNumber(item.step),
          time: Date.parse(item.time),
          value: toNumber(item.value)
        })),
        count: answer.count,
        loading: false,
        problem: null
      };
    } catch (thrown) {
      history = {
        points: before?.points ?? [],
        count: before?.count ?? 0,
        loading: false,
        problem: asProblem(thrown)
      };
    }
    if (!this._isDisposed) {
      this._histories.set(name, history);
      this._changed.emit();
    }
  }

  private readonly _client: Client;
  private readonly _request: Requester;
  private readonly _redraw: Throttler<void>;
  private _run: Run | null = null;
  private _parent: Run | null = null;
  private _isParentAsked = false;
  private _metrics: readonly Metric[] = [];
  private _isCut = false;
  private _phase: Phase = 'idle';
  private _problem: Problem | null = null;
  private _across: Across = 'step';
  private _isLog = false;
  private _downloading: ReadonlySet<string> = new Set();
  private readonly _histories = new Map<string, History>();
  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;
}

export namespace RunModel {
  export interface IOptions {
    client: Client;
    workspace: string | null;
    id: string;
  }
}
