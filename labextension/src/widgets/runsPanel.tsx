import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { createRef, JSX } from 'react';

import { RunsPanel } from '../components/RunsPanel';
import { statusWord } from '../components/words';
import { nbproofIcon } from '../icons';
import type { DatasetsModel } from '../models/datasets';
import type { KernelModel } from '../models/kernel';
import type { RunsModel, StatusChange } from '../models/runs';
import type { Settings } from '../models/settings';
import type { WorkspacesModel } from '../models/workspaces';

/** The sidebar panel: hands the models' state to the components, and the user's wishes back. */
export class RunsPanelWidget extends ReactWidget {
  constructor(private readonly _options: RunsPanelWidget.IOptions) {
    super();
    const { runs, datasets, workspaces, kernel, settings, trans } = _options;
    this.id = 'nbproof-runs';
    this.addClass('jp-nbproof-Panel');
    this.title.icon = nbproofIcon;
    this.title.caption = trans.__('nbproof: runs and datasets');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('nbproof runs'));
    runs.changed.connect(this.update, this);
    datasets.changed.connect(this.update, this);
    runs.statusChanged.connect(this._onStatusChanged, this);
    workspaces.changed.connect(this.update, this);
    kernel?.changed.connect(this.update, this);
    settings.changed.connect(this.update, this);
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    const { runs, datasets, workspaces, kernel, settings } = this._options;
    runs.changed.disconnect(this.update, this);
    datasets.changed.disconnect(this.update, this);
    runs.statusChanged.disconnect(this._onStatusChanged, this);
    workspaces.changed.disconnect(this.update, this);
    kernel?.changed.disconnect(this.update, this);
    settings.changed.disconnect(this.update, this);
    super.dispose();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._refreshIfSeen();
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._refreshIfSeen();
  }

  protected override onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    this._focusTree();
  }

  protected override render(): JSX.Element {
    const { runs, datasets, workspaces, kernel, settings, trans } =
      this._options;
    return (
      <RunsPanel
        workspaces={workspaces.all}
        workspace={workspaces.current}
        isPinned={workspaces.isPinned}
        hasNotebook={this._options.hasNotebook()}
        kernel={{
          state: kernel?.state ?? 'unknown',
          name: kernel?.kernelName ?? ''
        }}
        runs={runs}
        datasets={datasets}
        isDatasetsOpen={this._isDatasetsOpen}
        problem={workspaces.problem ?? runs.problem}
        showSparklines={settings.showSparklines}
        announcement={this._announcement}
        treeRef={this._tree}
        filterRef={this._filter}
        datasetsRef={this._datasets}
        datasetsFilterRef={this._datasetsFilter}
        actions={this._actions}
        trans={trans}
      />
    );
  }

  private _onStatusChanged(_: RunsModel, change: StatusChange): void {
    const { trans } = this._options;
    this._announcement = trans.__(
      'Run %1: %2',
      change.run.name,
      statusWord(change.run.status, trans)
    );
    this.update();
  }

  private _refreshIfSeen(): void {
    if (this.isVisible) {
      this._options.refresh();
    }
  }

  private _focusTree(): void {
    (this._tree.current ?? this._filter.current)?.focus();
  }

  private _open(): void {
    const { runs } = this._options;
    const row = runs.activeRow;
    if (row?.type === 'experiment') {
      runs.toggle(row.experiment.id);
    } else if (row?.type === 'run') {
      this._options.openRun(row.run.id);
    }
  }

  private _toggle(key: string): void {
    const { runs } = this._options;
    const row = runs.rows.find(one => one.key === key);
    if (row?.type === 'run') {
      runs.toggleRun(row.run.id);
    }
  }

  private readonly _actions: RunsPanel.IActions = {
    chooseWorkspace: id => this._options.workspaces.pin(id),
    togglePin: () => {
      const { workspaces } = this._options;
      if (workspaces.isPinned) {
        workspaces.unpin();
      } else if (workspaces.current !== null) {
        workspaces.pin(workspaces.current.id);
      }
    },
    openTable: () => this._options.openTable(),
    refresh: () => this._options.refresh(),
    setQuery: query => this._options.runs.setQuery(query),
    searchNow: () => this._options.runs.searchNow(),
    activate: key => this._options.runs.setActive(key),
    move: by => this._options.runs.moveActive(by),
    moveIn: () => this._options.runs.moveIn(),
    moveOut: () => this._options.runs.moveOut(),
    open: () => this._open(),
    toggle: key => this._toggle(key),
    loadMore: group => this._options.runs.loadMore(group),
    focusTree: () => this._focusTree(),
    focusFilter: () => this._filter.current?.focus(),
    insertLoadLine: () => this._options.insertLoadLine(),
    insertInstallLine: () => this._options.insertInstallLine(),
    lookAgain: () => this._options.kernel?.lookAgain(),
    datasets: {
      toggle: () => {
        this._isDatasetsOpen = !this._isDatasetsOpen;
        this.update();
      },
      setQuery: query => this._options.datasets.setQuery(query),
      searchNow: () => this._options.datasets.searchNow(),
      activate: id => this._options.datasets.setActive(id),
      move: by => this._options.datasets.moveActive(by),
      open: () => {
        const { active } = this._options.datasets;
        if (active !== null) {
          this._options.openDataset(active.name);
        }
      },
      loadMore: () => void this._options.datasets.loadMore(),
      refresh: () => this._options.refresh(),
      focusList: () => this._datasets.current?.focus(),
      focusFilter: () => this._datasetsFilter.current?.focus()
    }
  };
  private readonly _tree = createRef<HTMLDivElement>();
  private readonly _filter = createRef<HTMLInputElement>();
  private readonly _datasets = createRef<HTMLDivElement>();
  private readonly _datasetsFilter = createRef<HTMLInputElement>();
  private _isDatasetsOpen = true;
  private _announcement = '';
}

export namespace RunsPanelWidget {
  export interface IOptions {
    runs: RunsModel;
    datasets: DatasetsModel;
    workspaces: WorkspacesModel;
    kernel: KernelModel | null;
    settings: Settings;
    trans: TranslationBundle;
    hasNotebook: () => boolean;
    openRun: (id: string) => void;
    openDataset: (name: string) => void;
    openTable: () => void;
    refresh: () => void;
    insertLoadLine: () => void;
    insertInstallLine: () => void;
  }
}
