import type { ISessionContext } from '@jupyterlab/apputils';
import type { Kernel } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { kernelHasNbproof } from '../services/probe';

/**
 * What is known about the active notebook's kernel.
 *
 * - `unknown`: no kernel, or it has not been idle yet.
 * - `ready`: nbproof can be imported there.
 * - `missing`: it cannot.
 * - `foreign`: not a Python kernel.
 */
export type KernelState = 'unknown' | 'ready' | 'missing' | 'foreign';

/** Finds out, once for each kernel session and only while it is idle, whether nbproof is there. */
export class KernelModel implements IDisposable {
  get state(): KernelState {
    return this._state;
  }

  /** The kernel's name as the launcher shows it. */
  get kernelName(): string {
    return this._session?.kernelDisplayName ?? '';
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Look at another notebook's kernel; null when no notebook is open. */
  watch(session: ISessionContext | null): void {
    if (session === this._session) {
      return;
    }
    this._disconnect();
    this._session = session;
    if (session !== null) {
      session.kernelChanged.connect(this._look, this);
      session.statusChanged.connect(this._onStatus, this);
    }
    this._look();
  }

  /** Ask again, for instance after nbproof was installed. */
  lookAgain(): void {
    const id = this._session?.session?.kernel?.id;
    if (id !== undefined) {
      this._known.delete(id);
    }
    this._look();
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._disconnect();
    Signal.clearData(this);
  }

  private _disconnect(): void {
    this._session?.kernelChanged.disconnect(this._look, this);
    this._session?.statusChanged.disconnect(this._onStatus, this);
  }

  private _onStatus(_: ISessionContext, status: Kernel.Status): void {
    if (
      status === 'restarting' ||
      status === 'autorestarting' ||
      status === 'dead'
    ) {
      const id = this._session?.session?.kernel?.id;
      if (id !== undefined) {
        this._known.delete(id);
      }
      this._set('unknown');
    } else if (status === 'idle') {
      this._look();
    }
  }

  private _look(): void {
    const kernel = this._session?.session?.kernel ?? null;
    if (kernel === null) {
      this._set('unknown');
      return;
    }
    const known = this._known.get(kernel.id);
    if (known !== undefined) {
      this._set(known);
      return;
    }
    if (kernel.status !== 'idle' || this._asking.has(kernel.id)) {
      return;
    }
    void this._askKernel(kernel);
  }

  private async _askKernel(kernel: Kernel.IKernelConnection): Promise<void> {
    this._asking.add(kernel.id);
    try {
      const info = await kernel.info;
      const language = info.language_info.name.toLowerCase();
      let state: KernelState;
      if (!language.includes('python')) {
        state = 'foreign';
      } else if (kernel.status === 'idle') {
        const found = await kernelHasNbproof(kernel);
        state = found === null ? 'unknown' : found ? 'ready' : 'missing';
      } else {
        // A cell has started meanwhile: the next idle moment will do.
        return;
      }
      // Also kept where the kernel gave no clear answer: it is not asked a second time.
      this._known.set(kernel.id, state);
    } catch {
      return;
    } finally {
      this._asking.delete(kernel.id);
    }
    if (!this._isDisposed && this._session?.session?.kernel?.id === kernel.id) {
      this._set(this._known.get(kernel.id) ?? 'unknown');
    }
  }

  private _set(state: KernelState): void {
    if (state !== this._state) {
      this._state = state;
      this._changed.emit();
    }
  }

  private _session: ISessionContext | null = null;
  private _state: KernelState = 'unknown';
  private readonly _known = new Map<string, KernelState>();
  private readonly _asking = new Set<string>();
  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;
}
