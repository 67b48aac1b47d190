import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import {
  INotebookTracker,
  NotebookActions,
  NotebookPanel
} from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { KernelModel } from '../models/kernel';
import { CommandIDs, IKernelWatch } from '../tokens';

/** Finds out whether the active notebook's kernel has nbproof, and offers the lines that bring it. */
export const kernelPlugin: JupyterFrontEndPlugin<IKernelWatch> = {
  id: 'nbproof:kernel',
  description:
    'Whether the active kernel has nbproof; inserts the lines to get it.',
  autoStart: true,
  optional: [INotebookTracker, ICommandPalette, ITranslator],
  provides: IKernelWatch,
  activate: (
    app,
    notebooks: INotebookTracker | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('nbproof');
    const kernel = new KernelModel();
    if (notebooks === null) {
      return kernel;
    }
    const watch = (): void =>
      kernel.watch(notebooks.currentWidget?.sessionContext ?? null);
    notebooks.currentChanged.connect(watch);
    watch();

    const insert = (source: string): void => {
      const panel = notebooks.currentWidget;
      if (panel !== null) {
        insertCell(panel, source);
        app.shell.activateById(panel.id);
      }
    };
    const isEnabled = (): boolean => notebooks.currentWidget !== null;
    app.commands.addCommand(CommandIDs.insertInstallLine, {
      label: trans.__('nbproof: Insert nbproof Install Line'),
      caption: trans.__('Insert a cell that installs nbproof for this kernel'),
      isEnabled,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => insert('%pip install nbproof')
    });
    app.commands.addCommand(CommandIDs.insertLoadLine, {
      label: trans.__('nbproof: Insert nbproof Load Line'),
      caption: trans.__('Insert a cell that switches recording on'),
      isEnabled,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => insert('%load_ext nbproof')
    });
    for (const command of [
      CommandIDs.insertInstallLine,
      CommandIDs.insertLoadLine
    ]) {
      palette?.addItem({ command, category: 'nbproof' });
    }
    return kernel;
  }
};

/** Put source into a cell of its own: the active one if it is an empty code cell, else a new one below. */
function insertCell(panel: NotebookPanel, source: string): void {
  const notebook = panel.content;
  const active = notebook.activeCell?.model;
  if (active?.type !== 'code' || active.sharedModel.getSource().trim() !== '') {
    NotebookActions.insertBelow(notebook);
  }
  notebook.activeCell?.model.sharedModel.setSource(source);
  NotebookActions.focusActiveCell(notebook, { waitUntilReady: true }).catch(
    () => undefined
  );
}
