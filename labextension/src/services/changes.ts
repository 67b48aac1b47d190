import type { Event } from '@jupyterlab/services';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Change, readChange } from './change';

/** How long events are gathered before anybody is told; well below what an eye notices. */
const GATHER_MS = 120;

/** What changed in workspaces, as the server's event stream tells it, gathered into bursts. */
export class Changes implements IDisposable {
  constructor(private readonly _stream: Event.Stream) {
    _stream.connect(this._onEvent, this);
  }

  /** Several events that came together: one change for each workspace and kind. */
  get arrived(): ISignal<this, readonly Change[]> {
    return this._arrived;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._stream.disconnect(this._onEvent, this);
    window.clearTimeout(this._timer);
    Signal.clearData(this);
  }

  private _onEvent(_: Event.IManager, emission: Event.Emission): void {
    const change = readChange(emission);
    if (change === null) {
      return;
    }
    const key = `${change.workspace} ${change.kind}`;
    const ids = this._waiting.get(key)?.ids ?? [];
    this._waiting.set(key, {
      ...change,
      ids: [...new Set([...ids, ...change.ids])]
    });
    this._timer ??= window.setTimeout(() => {
      this._timer = undefined;
      const burst = [...this._waiting.values()];
      this._waiting.clear();
      this._arrived.emit(burst);
    }, GATHER_MS);
  }

  private readonly _arrived = new Signal<this, readonly Change[]>(this);
  private readonly _waiting = new Map<string, Change>();
  private _timer: number | undefined = undefined;
  private _isDisposed = false;
}
