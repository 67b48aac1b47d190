import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import {
  WorkspaceView,
  workspacesList,
  workspacesResolve
} from '../services/api';
import type { Client } from '../services/client';
import { asProblem, Problem } from '../services/problem';

/** Which workspaces the server offers, and which of them the panel shows. */
export class WorkspacesModel implements IDisposable {
  constructor(private readonly _client: Client) {}

  /** Every workspace under the server's root, and the current one. */
  get all(): readonly WorkspaceView[] {
    const current = this._current;
    return current === null || this._all.some(one => one.id === current.id)
      ? this._all
      : [current, ...this._all];
  }

  /** The one that is shown; null until the server has answered. */
  get current(): WorkspaceView | null {
    return this._current;
  }

  /** Whether the user chose it by hand: then it stays, whatever notebook comes to the front. */
  get isPinned(): boolean {
    return this._pinned !== null;
  }

  /** The notebook whose workspace is followed, relative to the server's root. */
  get notebook(): string | null {
    return this._notebook;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Another notebook came to the front, or this one was renamed. */
  follow(notebook: string | null): void {
    if (notebook === null || notebook === this._notebook) {
      return;
    }
    this._notebook = notebook;
    this._changed.emit();
    if (this._pinned === null) {
      void this._resolve();
    }
  }

  /** Show this workspace from now on. */
  pin(id: string): void {
    const chosen = this.all.find(one => one.id === id);
    if (chosen !== undefined) {
      this._pinned = id;
      this._current = chosen;
      this._changed.emit();
    }
  }

  /** Follow the active notebook again. */
  unpin(): void {
    this._pinned = null;
    this._changed.emit();
    void this._resolve();
  }

  /** Ask again which workspaces there are; rejects with what went wrong. */
  async refresh(): Promise<void> {
    try {
      const page = await workspacesList(this._client.requester());
      if (this._isDisposed) {
        return;
      }
      this._all = page.items;
    } catch (thrown) {
      this._failed(thrown);
      throw thrown;
    }
    if (this._pinned === null) {
      await this._ask();
    } else {
      const pinned = this._all.find(one => one.id === this._pinned);
      this._show(pinned ?? this._current);
    }
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    Signal.clearData(this);
  }

  private async _resolve(): Promise<void> {
    try {
      await this._ask();
    } catch {
      // Kept in `problem`, and shown from there.
    }
  }

  private async _ask(): Promise<void> {
    const asked = ++this._asked;
    const path = this._notebook ?? '';
    try {
      const answer = await workspacesResolve(this._client.requester(), {
        path
      });
      if (asked === this._asked && !this._isDisposed && this._pinned === null) {
        this._show(this._orFirst(answer));
      }
    } catch (thrown) {
      if (asked === this._asked) {
        this._failed(thrown);
        throw thrown;
      }
    }
  }

  /** Before any notebook is opened, a workspace with runs says more than an empty root. */
  private _orFirst(answer: WorkspaceView): WorkspaceView {
    if (this._notebook !== null || answer.exists) {
      return answer;
    }
    return this._all.find(one => one.exists) ?? answer;
  }

  private _show(workspace: WorkspaceView | null): void {
    this._problem = null;
    this._current = workspace;
    this._changed.emit();
  }

  private _failed(thrown: unknown): void {
    if (!this._isDisposed) {
      this._problem = asProblem(thrown);
      this._changed.emit();
    }
  }

  private _all: WorkspaceView[] = [];
  private _current: WorkspaceView | null = null;
  private _pinned: string | null = null;
  private _notebook: string | null = null;
  private _problem: Problem | null = null;
  private _asked = 0;
  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;
}
