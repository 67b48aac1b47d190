import {
  Clipboard,
  Dialog,
  showDialog,
  showErrorMessage
} from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Poll } from '@lumino/polling';
import type { JSX } from 'react';

import { DatasetView } from '../components/DatasetView';
import type { Notes } from '../components/Notes';
import { problemLine } from '../components/words';
import { codeOf, fileNameOf, versionName } from '../figures/dataset';
import { shortened } from '../figures/numbers';
import { nbproofIcon } from '../icons';
import type { DatasetModel, Format } from '../models/dataset';
import { pollFrequency } from '../models/polling';
import type { Settings } from '../models/settings';
import { asProblem } from '../services/problem';
import { saveAs } from './saving';

const COPIED_MS = 1500;
/** The status bar shows a title in full. */
const MOST_LETTERS = 40;

/** The page of one dataset; the server tells when it changed. */
export class DatasetViewWidget extends ReactWidget {
  constructor(private readonly _options: DatasetViewWidget.IOptions) {
    super();
    const { model, settings } = _options;
    this.addClass('jp-nbproof-RunView');
    this.addClass('jp-nbproof-DatasetView');
    this.node.tabIndex = -1;
    this.title.icon = nbproofIcon;
    this.title.closable = true;
    this.title.label = shortened(model.name, MOST_LETTERS);
    this.title.caption = model.name;
    model.changed.connect(this.update, this);
    this._poll = new Poll({
      name: 'nbproof:dataset',
      factory: () =>
        model.phase !== 'ready' || model.problem !== null
          ? model.refresh()
          : Promise.resolve(),
      frequency: pollFrequency(settings.pollSeconds),
      standby: () => (this.isVisible ? 'when-hidden' : true)
    });
  }

  get model(): DatasetModel {
    return this._options.model;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    window.clearTimeout(this._copiedTimer);
    this._poll.dispose();
    this.model.changed.disconnect(this.update, this);
    this.model.dispose();
    super.dispose();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    void this._poll.refresh();
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    // What changed while it was in the background nobody told it.
    void this.model.refresh().catch(() => undefined);
  }

  protected override onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    this.node.focus();
  }

  protected override render(): JSX.Element {
    return (
      <DatasetView
        model={this.model}
        renderNotes={this._options.renderNotes}
        copied={this._copied}
        actions={this._actions}
        trans={this._options.trans}
      />
    );
  }

  private _copy(what: 'link' | 'code'): void {
    const { version } = this.model;
    if (what === 'link') {
      this._options.copyLink();
    } else if (version !== null) {
      Clipboard.copyToSystem(codeOf(version.dataset, version.version));
    }
    this._copied = what;
    this.update();
    window.clearTimeout(this._copiedTimer);
    this._copiedTimer = window.setTimeout(() => {
      this._copied = null;
      this.update();
    }, COPIED_MS);
  }

  private async _delete(): Promise<void> {
    const { trans } = this._options;
    const { version, versions, hasMore } = this.model;
    if (version === null) {
      return;
    }
    const name = versionName(version.dataset, version.version);
    const hasOthers = hasMore || versions.length > 1;
    const answer = await showDialog({
      title: trans.__('Delete %1?', name),
      body: trans.__(
        'Nobody can read it any more. What no other version needs is freed by “nbproof gc”.'
      ),
      checkbox: hasOthers
        ? {
            label: trans.__('Delete every version of %1', version.dataset),
            checked: false
          }
        : null,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Back') }),
        Dialog.warnButton({ label: trans.__('Delete') })
      ]
    });
    if (!answer.button.accept) {
      return;
    }
    await this._change(trans.__('%1 could not be deleted', name), async () => {
      if (!(await this.model.delete(answer.isChecked === true))) {
        this._options.close();
      }
    });
  }

  private async _download(format: Format): Promise<void> {
    const { version } = this.model;
    if (version === null) {
      return;
    }
    const { trans } = this._options;
    await this._change(
      trans.__(
        '%1 could not be downloaded',
        versionName(version.dataset, version.version)
      ),
      async () =>
        saveAs(await this.model.download(format), fileNameOf(version, format))
    );
  }

  /** Do something to the dataset; says what went wrong. */
  private async _change(
    title: string,
    work: () => Promise<void>
  ): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (thrown) {
      await showErrorMessage(
        title,
        problemLine(asProblem(thrown), this._options.trans)
      );
      return false;
    }
  }

  private readonly _actions: DatasetView.IActions = {
    refresh: () => void this.model.refresh().catch(() => undefined),
    copyLink: () => this._copy('link'),
    copyCode: () => this._copy('code'),
    loadColumns: () => void this.model.loadColumns(),
    retryColumns: () => void this.model.loadColumns(true),
    loadMore: () =>
      void this._change(
        this._options.trans.__('Older versions could not be loaded'),
        () => this.model.loadMore()
      ),
    download: format => void this._download(format),
    delete: () => void this._delete(),
    openRun: id => this._options.openRun(id),
    openDataset: reference => this._options.openDataset(reference),
    openReport: id => this._options.openReport(id),
    loadLineage: () => void this.model.loadLineage(),
    loadOther: reference => void this.model.loadOther(reference),
    compare: (against, key) => {
      if (this.model.version?.kind !== 'folder') {
        void this.model.look('drift', against);
      }
      void this.model.look('differences', against, key);
    },
    look: (find, against, key) => void this.model.look(find, against, key),
    stop: (find, against, key) => this.model.stop(find, against, key),
    setAlias: alias =>
      this._change(this._options.trans.__('The alias could not be set'), () =>
        this.model.setAlias(alias)
      ),
    removeAlias: alias =>
      this._change(
        this._options.trans.__('The alias could not be taken away'),
        () => this.model.removeAlias(alias)
      ),
    setDescription: description =>
      this._change(
        this._options.trans.__('The description could not be saved'),
        () => this.model.update({ description })
      ),
    setTag: (key, value) =>
      this._change(this._options.trans.__('The tag could not be set'), () =>
        this.model.update({ tags: { [key]: value ?? '' } })
      )
  };
  private readonly _poll: Poll;
  private _copied: 'link' | 'code' | null = null;
  private _copiedTimer: number | undefined = undefined;
}

export namespace DatasetViewWidget {
  export interface IOptions {
    model: DatasetModel;
    settings: Settings;
    /** Draws Markdown; null where JupyterLab offers nothing for that. */
    renderNotes: Notes.Render | null;
    openRun: (id: string) => void;
    openDataset: (reference: string) => void;
    openReport: (id: string) => void;
    copyLink: () => void;
    /** The dataset is gone: so is its page. */
    close: () => void;
    trans: TranslationBundle;
  }
}
