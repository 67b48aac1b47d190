import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

/** The user's choices, with defaults where the settings cannot be had. */
export class Settings implements IDisposable {
  /** Seconds between polls; 0 leaves all to the server's events. */
  get pollSeconds(): number {
    return this._number('pollSeconds', 5, 0, 3600);
  }

  /** How many runs are fetched at a time. */
  get pageSize(): number {
    return this._number('pageSize', 50, 10, 500);
  }

  /** How many runs the charts draw while none is selected. */
  get drawnRuns(): number {
    return this._number('drawnRuns', 10, 1, 30);
  }

  get showSparklines(): boolean {
    return this._flag('showSparklines', true);
  }

  /** Whether the panel shows the workspace of whichever notebook is in front. */
  get followNotebook(): boolean {
    return this._flag('followNotebook', true);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Take the values of a loaded settings file, now and whenever it changes. */
  connect(loaded: ISettingRegistry.ISettings): void {
    this._loaded = loaded;
    loaded.changed.connect(this._onChanged, this);
    this._changed.emit();
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._loaded?.changed.disconnect(this._onChanged, this);
    Signal.clearData(this);
  }

  private _onChanged(): void {
    this._changed.emit();
  }

  private _number(key: string, or: number, low: number, high: number): number {
    const value = this._loaded?.composite[key];
    return typeof value === 'number'
      ? Math.min(high, Math.max(low, value))
      : or;
  }

  private _flag(key: string, or: boolean): boolean {
    const value = this._loaded?.composite[key];
    return typeof value === 'boolean' ? value : or;
  }

  private _loaded: ISettingRegistry.ISettings | null = null;
  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;
}
