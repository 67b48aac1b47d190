import {
  Dialog,
  InputDialog,
  showDialog,
  showErrorMessage
} from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Poll } from '@lumino/polling';
import { createRef, JSX } from 'react';

import { tagOf } from '../components/Editing';
import { RunsTable } from '../components/RunsTable';
import { problemLine } from '../components/words';
import { nbproofIcon } from '../icons';
import { pollFrequency } from '../models/polling';
import type { Settings } from '../models/settings';
import type { RunsTableModel } from '../models/table';
import { asProblem } from '../services/problem';

const COPIED_MS = 1500;

/** The runs table in the main area; polls while it is looked at. */
export class RunsTableWidget extends ReactWidget {
  constructor(private readonly _options: RunsTableWidget.IOptions) {
    super();
    const { model, settings, trans } = _options;
    this.addClass('jp-nbproof-RunsTable');
    this.node.tabIndex = -1;
    this.title.icon = nbproofIcon;
    this.title.label = trans.__('Runs');
    this.title.closable = true;
    model.changed.connect(this._onModelChanged, this);
    model.courses.changed.connect(this._onCoursesChanged, this);
    this._poll = new Poll({
      name: 'nbproof:runs-table',
      factory: () => model.refresh(),
      frequency: pollFrequency(settings.pollSeconds),
      standby: () => (this.isVisible ? 'when-hidden' : true)
    });
  }

  get model(): RunsTableModel {
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

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    void this._poll.refresh();
  }

  protected override onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    (this._grid.current ?? this.node).focus();
  }

  protected override render(): JSX.Element {
    const { model, trans } = this._options;
    return (
      <RunsTable
        model={model}
        version={this._version}
        complete={(query, caret) => model.completionAt(query, caret)}
        gridRef={this._grid}
        filterRef={this._filter}
        isBusy={this._isBusy}
        isCopied={this._isCopied}
        actions={this._actions}
        trans={trans}
      />
    );
  }

  private _onModelChanged(): void {
    const { model, trans } = this._options;
    const { workspace } = model;
    this.title.label =
      workspace === null
        ? trans.__('Runs')
        : trans.__('Runs: %1', workspace.name);
    this.title.caption = workspace?.root ?? '';
    this.update();
  }

  private _onCoursesChanged(): void {
    this._version += 1;
    this.update();
  }

  private async _tag(): Promise<void> {
    const { trans } = this._options;
    const ids = [...this.model.state.selected];
    const answer = await InputDialog.getText({
      title: trans._n('Tag %1 run', 'Tag %1 runs', ids.length),
      label: trans.__('Name and value; without a value the tag is removed'),
      placeholder: 'owner = ann',
      okLabel: trans.__('Set')
    });
    const text = answer.value?.trim() ?? '';
    if (!answer.button.accept || text === '') {
      return;
    }
    const { key, value } = tagOf(text);
    await this._do(trans.__('The runs could not be tagged'), () =>
      this.model.tag(ids, key, value === '' ? null : value)
    );
  }

  private async _regroup(): Promise<void> {
    const { trans } = this._options;
    const ids = [...this.model.state.selected];
    const groups = new Set(this.model.selectedRuns.map(run => run.group ?? ''));
    const answer = await InputDialog.getText({
      title: trans._n('Group of %1 run', 'Group of %1 runs', ids.length),
      label: trans.__('Name of the group; without one they are in none'),
      text: groups.size === 1 ? [...groups][0] : '',
      okLabel: trans.__('Set')
    });
    if (answer.button.accept) {
      await this._do(trans.__('The group could not be changed'), () =>
        this.model.regroup(ids, answer.value?.trim() ?? '')
      );
    }
  }

  private async _cancel(): Promise<void> {
    const { trans } = this._options;
    const ids = this.model.selectedRuns
      .filter(run => run.status === 'running')
      .map(run => run.id);
    const isSure = await this._ask(
      trans._n('Cancel %1 run?', 'Cancel %1 runs?', ids.length),
      trans.__(
        'They end as cancelled. A kernel or script that still logs to one of them is not stopped.'
      ),
      trans.__('Cancel the runs')
    );
    if (isSure) {
      await this._do(trans.__('The runs could not be cancelled'), () =>
        this.model.cancel(ids)
      );
    }
  }

  private async _delete(): Promise<void> {
    const { trans } = this._options;
    const ids = [...this.model.state.selected];
    const isSure = await this._ask(
      trans._n('Delete %1 run?', 'Delete %1 runs?', ids.length),
      trans.__('They go to the trash, from where they can be restored.'),
      trans.__('Delete')
    );
    if (isSure) {
      await this._do(trans.__('The runs could not be deleted'), () =>
        this.model.delete(ids)
      );
    }
  }

  private async _ask(
    title: string,
    body: string,
    label: string
  ): Promise<boolean> {
    const answer = await showDialog({
      title,
      body,
      buttons: [
        Dialog.cancelButton({ label: this._options.trans.__('Back') }),
        Dialog.warnButton({ label })
      ]
    });
    return answer.button.accept;
  }

  private async _do(title: string, work: () => Promise<void>): Promise<void> {
    this._isBusy = true;
    this.update();
    try {
      await work();
    } catch (thrown) {
      await showErrorMessage(
        title,
        problemLine(asProblem(thrown), this._options.trans)
      );
    } finally {
      this._isBusy = false;
      this.update();
    }
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

  private readonly _actions: RunsTable.IActions = {
    refresh: () => void this._poll.refresh(),
    openRun: run => this._options.openRun(run.id),
    compare: () => this._options.compare([...this.model.state.selected]),
    tag: () => void this._tag(),
    regroup: () => void this._regroup(),
    cancel: () => void this._cancel(),
    delete: () => void this._delete(),
    copyLink: () => this._copyLink(),
    showSidebar: () => this._options.showSidebar(),
    focusGrid: () => this._grid.current?.focus(),
    focusFilter: () => this._filter.current?.focus(),
    // Where the user drew the line between table and charts.
    resizeCharts: share =>
      this.node.style.setProperty('--jp-nbproof-share', `${share}%`)
  };
  private readonly _poll: Poll;
  private readonly _grid = createRef<HTMLDivElement>();
  private readonly _filter = createRef<HTMLInputElement>();
  private _version = 0;
  private _isBusy = false;
  private _isCopied = false;
  private _copiedTimer: number | undefined = undefined;
}

export namespace RunsTableWidget {
  export interface IOptions {
    model: RunsTableModel;
    settings: Settings;
    openRun: (id: string) => void;
    compare: (ids: readonly string[]) => void;
    copyLink: () => void;
    showSidebar: () => void;
    trans: TranslationBundle;
  }
}
