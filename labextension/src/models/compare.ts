import type { IDisposable } from '@lumino/disposable';
import { Throttler } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { ChartsState, CompareState } from '../figures/link';
import { namesakes } from '../figures/names';
import { Look, looksOf } from '../figures/palette';
import { Comparison, Run, runsCompare } from '../services/api';
import type { Change } from '../services/change';
import type { Client } from '../services/client';
import { asProblem, Problem } from '../services/problem';
import { CoursesModel } from './courses';

const LIVE_MS = 1000;

/** Some runs side by side. */
export class CompareModel implements IDisposable {
  constructor(options: CompareModel.IOptions) {
    this.workspace = options.workspace;
    this._client = options.client;
    this._state = options.state;
    this.courses = new CoursesModel(options.client);
    this._looks = looksOf(options.state.runs);
    this._live = new Throttler(() => this.refresh(), {
      limit: LIVE_MS,
      edge: 'trailing'
    });
  }

  readonly workspace: string | null;
  readonly courses: CoursesModel;

  get state(): CompareState {
    return this._state;
  }

  get comparison(): Comparison | null {
    return this._comparison;
  }

  get runs(): readonly Run[] {
    return this._comparison?.runs ?? [];
  }

  /** What tells runs of one name apart. */
  get namesakes(): ReadonlyMap<string, string> {
    const { runs } = this;
    const parents: Partial<Record<string, string>> =
      this._comparison?.parents ?? {};
    return namesakes(
      runs,
      id => parents[id] ?? runs.find(one => one.id === id)?.name ?? null
    );
  }

  get looks(): ReadonlyMap<string, Look> {
    return this._looks;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  get isLive(): boolean {
    return this.runs.some(run => run.status === 'running');
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The user chose something that belongs to the view's address. */
  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  setState(change: Partial<CompareState>): void {
    this._state = { ...this._state, ...change };
    this._looks = looksOf(this._state.runs, this._looks);
    this._showCourses();
    this._changed.emit();
    this._stateChanged.emit();
  }

  setCharts(change: Partial<ChartsState>): void {
    this.setState({ charts: { ...this._state.charts, ...change } });
  }

  /** Take a run out; two have to stay. */
  remove(id: string): void {
    if (this._state.runs.length > 2) {
      this.setState({ runs: this._state.runs.filter(one => one !== id) });
      void this.refresh().catch(() => undefined);
    }
  }

  /** Ask again; rejects with what went wrong. */
  async refresh(): Promise<void> {
    try {
      const comparison = await runsCompare(
        this._client.requester(this.workspace),
        { id: [...this._state.runs] }
      );
      if (this._isDisposed) {
        return;
      }
      this._comparison = comparison;
      this._problem = null;
      this._showCourses();
      this._changed.emit();
    } catch (thrown) {
      if (!this._isDisposed) {
        this._problem = asProblem(thrown);
        this._changed.emit();
      }
      throw thrown;
    }
  }

  touch(change: Change): void {
    if (
      change.kind === 'run' &&
      (this.workspace === null || change.workspace === this.workspace) &&
      change.ids.some(id => this._state.runs.includes(id))
    ) {
      void this._live.invoke().catch(() => undefined);
    }
  }

  private _showCourses(): void {
    this.courses.show(this.workspace, this.runs, this._state.charts.axis);
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._live.dispose();
    this.courses.dispose();
    Signal.clearData(this);
  }

  private readonly _client: Client;
  private readonly _live: Throttler<void>;
  private _state: CompareState;
  private _looks: Map<string, Look>;
  private _comparison: Comparison | null = null;
  private _problem: Problem | null = null;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _stateChanged = new Signal<this, void>(this);
  private _isDisposed = false;
}

export namespace CompareModel {
  export interface IOptions {
    client: Client;
    workspace: string | null;
    state: CompareState;
  }
}
