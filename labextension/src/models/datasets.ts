import type { IDisposable } from '@lumino/disposable';
import { Debouncer, Throttler } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import {
  Dataset,
  datasetsList,
  Requester,
  WorkspaceView
} from '../services/api';
import type { Change } from '../services/change';
import type { Client } from '../services/client';
import { asProblem, Problem } from '../services/problem';
import type { Phase } from './runs';

/** Datasets fetched at a time; the server gives at most a thousand. */
const PAGE = 100;
const MOST = 1000;
const TYPING_MS = 250;
/** A loop that registers all the time is followed this often at most. */
const REDRAW_MS = 500;

const LIST = 'GET /datasets';

/** The datasets of one workspace: what was fetched, what is asked for, where the cursor is. */
export class DatasetsModel implements IDisposable {
  constructor(client: Client) {
    this._client = client;
    this._request = client.requester();
    this._typing = new Debouncer(() => this.refresh(), TYPING_MS);
    this._redraw = new Throttler(() => this.refresh(), {
      limit: REDRAW_MS,
      edge: 'trailing'
    });
  }

  get workspace(): WorkspaceView | null {
    return this._workspace;
  }

  /** Whether the server knows of datasets at all. */
  get isOffered(): boolean {
    return this._client.capabilities.has(LIST);
  }

  /** `loading` only while there is nothing to show yet. */
  get phase(): Phase {
    return this._phase;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  get items(): readonly Dataset[] {
    return this._items;
  }

  /** Whether there are more than were fetched. */
  get hasMore(): boolean {
    return this._next !== null;
  }

  /** Whether the next page is on its way. */
  get isLoadingMore(): boolean {
    return this._isLoadingMore;
  }

  /** The filter as typed. */
  get query(): string {
    return this._query;
  }

  /** The filter that the items answer to. */
  get answered(): string {
    return this._answered;
  }

  /** The dataset with the keyboard's cursor. */
  get activeId(): string | null {
    return this._activeId;
  }

  get active(): Dataset | null {
    return this._items.find(one => one.id === this._activeId) ?? null;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
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
    this._asked += 1;
    this._request = this._client.requester(workspace?.id ?? null);
    this._items = [];
    this._next = null;
    this._query = '';
    this._answered = '';
    this._activeId = null;
    this._problem = null;
    this._phase = 'idle';
    this._changed.emit();
    void this.refresh().catch(() => undefined);
  }

  /** What the names or descriptions shall have in them. */
  setQuery(query: string): void {
    this._query = query;
    this._changed.emit();
    void this._typing.invoke().catch(() => undefined);
  }

  /** Ask at once. */
  searchNow(): void {
    void this.refresh().catch(() => undefined);
  }

  /** Move the cursor to a dataset. */
  setActive(id: string): void {
    this._activeId = id;
    this._changed.emit();
  }

  /** Move the cursor by so many rows. */
  moveActive(by: number): void {
    if (this._items.length === 0) {
      return;
    }
    const at = this._items.findIndex(one => one.id === this._activeId);
    const to = at < 0 ? (by < 0 ? this._items.length - 1 : 0) : at + by;
    const last = this._items.length - 1;
    this.setActive(this._items[Math.min(last, Math.max(0, to))].id);
  }

  /** Fetch the next page. */
  async loadMore(): Promise<void> {
    const after = this._next;
    if (after === null || this._isLoadingMore) {
      return;
    }
    this._isLoadingMore = true;
    this._changed.emit();
    const asked = this._asked;
    try {
      const page = await datasetsList(this._request, {
        ...this._filter(),
        limit: PAGE,
        after
      });
      if (asked === this._asked && !this._isDisposed) {
        this._items = [...this._items, ...page.items];
        this._next = page.next;
      }
    } catch (thrown) {
      this._failed(thrown);
    } finally {
      this._isLoadingMore = false;
      this._changed.emit();
    }
  }

  /** Look for what is new; rejects with what went wrong. */
  async refresh(): Promise<void> {
    if (this._workspace === null) {
      return;
    }
    await this._client.capabilities.load();
    if (!this._workspace.exists || !this.isOffered) {
      this._phase = 'ready';
      this._changed.emit();
      return;
    }
    if (this._phase === 'idle') {
      this._phase = 'loading';
      this._changed.emit();
    }
    const asked = ++this._asked;
    const query = this._query;
    const limit = Math.min(MOST, Math.max(PAGE, this._items.length));
    try {
      const page = await datasetsList(this._request, {
        ...this._filter(),
        limit
      });
      if (asked !== this._asked || this._isDisposed) {
        return;
      }
      this._items = page.items;
      this._next = page.next;
      this._answered = query;
      this._phase = 'ready';
      this._problem = null;
      this._changed.emit();
    } catch (thrown) {
      if (asked === this._asked) {
        this._failed(thrown);
      }
      throw thrown;
    }
  }

  /** The server told that something changed. */
  touch(change: Change): void {
    if (change.kind === 'dataset' && change.workspace === this._workspace?.id) {
      void this._redraw.invoke().catch(() => undefined);
    }
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._typing.dispose();
    this._redraw.dispose();
    Signal.clearData(this);
  }

  private _filter(): { query?: string } {
    const query = this._query.trim();
    return query === '' ? {} : { query };
  }

  private _failed(thrown: unknown): void {
    if (!this._isDisposed) {
      this._problem = asProblem(thrown);
      this._changed.emit();
    }
  }

  private readonly _client: Client;
  private readonly _typing: Debouncer<void>;
  private readonly _redraw: Throttler<void>;
  private _request: Requester;
  private _workspace: WorkspaceView | null = null;
  private _items: readonly Dataset[] = [];
  private _next: string | null = null;
  private _query = '';
  private _answered = '';
  private _activeId: string | null = null;
  private _phase: Phase = 'idle';
  private _problem: Problem | null = null;
  private _isLoadingMore = false;
  private _asked = 0;
  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;
}
