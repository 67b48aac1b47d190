import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Poll } from '@lumino/polling';
import type { JSX } from 'react';

import { CompareView } from '../components/CompareView';
import { nbproofIcon } from '../icons';
import type { CompareModel } from '../models/compare';
import { pollFrequency } from '../models/polling';
import type { Settings } from '../models/settings';

const COPIED_MS = 1500;

/** Some runs side by side, in the main area. */
export class CompareWidget extends ReactWidget {
  constructor(private readonly _options: CompareWidget.IOptions) {
    super();
    const { model, settings, trans } = _options;
    this.addClass('jp-nbproof-CompareView');
    this.node.tabIndex = -1;
    this.title.icon = nbproofIcon;
    this.title.closable = true;
    this.title.label = trans.__('Compare %1 runs', model.state.runs.length);
    model.changed.connect(this._onModelChanged, this);
    model.courses.changed.connect(this._onCoursesChanged, this);
    this._poll = new Poll({
      name: 'nbproof:compare',
      factory: () =>
        model.comparison === null || model.isLive || model.problem !== null
          ? model.refresh()
          : Promise.resolve(),
      frequency: pollFrequency(settings.pollSeconds),
      standby: () => (this.isVisible ? 'when-hidden' : true)
    });
  }

  get model(): CompareModel {
    return this._options.model;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    window.clearTimeout(this._copiedTimer);
    this._poll.dispose();
    this.model.changed.disconnect(this._onModelChanged, this);
    this.model.courses.changed.disconnect(this._onCoursesChanged, this);
    this.model.dispose();
    super.dispose();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    void this._poll.refresh();
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    void this._poll.refresh();
  }

  protected override onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    this.node.focus();
  }

  protected override render(): JSX.Element {
    return (
      <CompareView
        model={this.model}
        version={this._version}
        isCopied={this._isCopied}
        actions={this._actions}
        trans={this._options.trans}
      />
    );
  }

  private _onModelChanged(): void {
    const { model, trans } = this._options;
    this.title.label = trans.__('Compare %1 runs', model.state.runs.length);
    this.title.caption = model.runs.map(run => run.name).join(', ');
    this.update();
  }

  private _onCoursesChanged(): void {
    this._version += 1;
    this.update();
  }

  private _copyLink(): void {
    this._options.copyLink();
    this._isCopied = true;
    this.update();
    window.clearTimeout(this._copiedTimer);
    this._copiedTimer = window.setTimeout(() => {
      this._isCopied = false;
      this.update();
    }, COPIED_MS);
  }

  private readonly _actions: CompareView.IActions = {
    refresh: () => void this._poll.refresh(),
    copyLink: () => this._copyLink(),
    openRun: run => this._options.openRun(run.id)
  };
  private readonly _poll: Poll;
  private _version = 0;
  private _isCopied = false;
  private _copiedTimer: number | undefined = undefined;
}

export namespace CompareWidget {
  export interface IOptions {
    model: CompareModel;
    settings: Settings;
    openRun: (id: string) => void;
    copyLink: () => void;
    trans: TranslationBundle;
  }
}
