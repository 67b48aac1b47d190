import { Clipboard, showErrorMessage } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Poll } from '@lumino/polling';
import type { JSX } from 'react';

import type { Notes } from '../components/Notes';
import type { RenderedData } from '../components/RenderedData';
import { RunView } from '../components/RunView';
import { problemLine, shortId } from '../components/words';
import { shortened } from '../figures/numbers';
import { nbproofIcon } from '../icons';
import { pollFrequency } from '../models/polling';
import type { RunModel } from '../models/run';
import type { Settings } from '../models/settings';
import { asProblem } from '../services/problem';
import { saveAs } from './saving';

const COPIED_MS = 1500;
/** The status bar shows a title in full. */
const MOST_LETTERS = 40;

/** The page of one run; polls while the run is live, and waits to be told otherwise. */
export class RunViewWidget extends ReactWidget {
  constructor(private readonly _options: RunViewWidget.IOptions) {
    super();
    const { model, settings, trans } = _options;
    this.addClass('jp-nbproof-RunView');
    this.node.tabIndex = -1;
    this.title.icon = nbproofIcon;
    this.title.label = trans.__('Run %1', shortId(model.id));
    this.title.closable = true;
    model.changed.connect(this._onModelChanged, this);
    model.courses.changed.connect(this._onCoursesChanged, this);
    this._poll = new Poll({
      name: `nbproof:run:${model.id}`,
      factory: () =>
        model.phase !== 'ready' || model.isLive || model.problem !== null
          ? model.refresh()
          : Promise.resolve(),
      frequency: pollFrequency(settings.pollSeconds),
      standby: () => (this.isVisible ? 'when-hidden' : true)
    });
  }

  get model(): RunModel {
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
    const { model } = this;
    return (
      <RunView
        model={model}
        run={model.run}
        parent={model.parent}
        renderNotes={this._options.renderNotes}
        renderData={this._options.renderData}
        version={this._version}
        copied={this._copied}
        problem={model.problem}
        actions={this._actions}
        trans={this._options.trans}
      />
    );
  }

  private _onModelChanged(): void {
    const { run } = this.model;
    if (run !== null) {
      this.title.label = shortened(run.name, MOST_LETTERS);
      this.title.caption = `${run.experiment} · ${run.name} (${shortId(run.id)})`;
    }
    this.update();
  }

  private _onCoursesChanged(): void {
    this._version += 1;
    this.update();
  }

  private _copy(what: 'id' | 'link'): void {
    if (what === 'id') {
      Clipboard.copyToSystem(this.model.run?.id ?? this.model.id);
    } else {
      this._options.copyLink();
    }
    this._copied = what;
    this.update();
    window.clearTimeout(this._copiedTimer);
    this._copiedTimer = window.setTimeout(() => {
      this._copied = null;
      this.update();
    }, COPIED_MS);
  }

  private async _download(name: string, isFolder = false): Promise<void> {
    const { model } = this;
    try {
      const bytes = await (isFolder
        ? model.downloadFolder(name)
        : model.download(name));
      saveAs(bytes, `${PathExt.basename(name)}${isFolder ? '.zip' : ''}`);
    } catch (thrown) {
      await showErrorMessage(
        this._options.trans.__('%1 could not be downloaded', name),
        problemLine(asProblem(thrown), this._options.trans)
      );
    }
  }

  /** Do something to the run; says what went wrong. */
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

  private readonly _actions: RunView.IActions = {
    refresh: () => void this.model.refresh().catch(() => undefined),
    copyId: () => this._copy('id'),
    copyLink: () => this._copy('link'),
    openParent: () => {
      const parent = this.model.run?.parent_id ?? null;
      if (parent !== null) {
        this._options.openRun(parent);
      }
    },
    openRun: id => this._options.openRun(id),
    openDataset: reference => this._options.openDataset(reference),
    openReport: id => this._options.openReport(id),
    chooseTab: tab => {
      this.model.tab = tab;
    },
    setCharts: change => this.model.setCharts(change),
    openArtifact: artifact => this.model.openArtifact(artifact),
    look: artifact => this.model.look(artifact),
    lookAtEnvironment: () => void this.model.lookAtEnvironment(),
    download: artifact => void this._download(artifact),
    downloadFolder: folder => void this._download(folder, true),
    restore: () =>
      void this._change(
        this._options.trans.__('The run could not be restored'),
        () => this.model.restore()
      ),
    openTable: () => this._options.openTable(),
    edits: {
      rename: name =>
        this._change(
          this._options.trans.__('The run could not be renamed'),
          () => this.model.update({ name })
        ),
      setGroup: group =>
        this._change(
          this._options.trans.__('The group could not be changed'),
          () => this.model.update({ group })
        ),
      setNotes: notes =>
        this._change(
          this._options.trans.__('The notes could not be saved'),
          () => this.model.update({ notes })
        ),
      setTag: (key, value) =>
        this._change(this._options.trans.__('The tag could not be set'), () =>
          this.model.setTag(key, value)
        )
    }
  };
  private readonly _poll: Poll;
  private _version = 0;
  private _copied: 'id' | 'link' | null = null;
  private _copiedTimer: number | undefined = undefined;
}

export namespace RunViewWidget {
  export interface IOptions {
    model: RunModel;
    settings: Settings;
    /** Draws Markdown; null where JupyterLab offers nothing for that. */
    renderNotes: Notes.Render | null;
    /** Draws data of a media type; null where JupyterLab offers nothing for that. */
    renderData: RenderedData.Render | null;
    openRun: (id: string) => void;
    openDataset: (reference: string) => void;
    openReport: (id: string) => void;
    openTable: () => void;
    copyLink: () => void;
    trans: TranslationBundle;
  }
}
