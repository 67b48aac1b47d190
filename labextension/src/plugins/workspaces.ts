import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';

import { Settings } from '../models/settings';
import { WorkspacesModel } from '../models/workspaces';
import { IConnection, ISettings, IWorkspaces } from '../tokens';

/** Knows which workspace is shown; where there are notebooks, it follows the active one. */
export const workspacesPlugin: JupyterFrontEndPlugin<IWorkspaces> = {
  id: 'nbproof:workspaces',
  description: 'The workspace of the active notebook, or the one chosen.',
  autoStart: true,
  requires: [IConnection],
  optional: [INotebookTracker, ISettings],
  provides: IWorkspaces,
  activate: (
    app,
    connection: IConnection,
    notebooks: INotebookTracker | null,
    settings: ISettings | null
  ) => {
    const workspaces = new WorkspacesModel(connection.client);
    if (notebooks !== null) {
      followNotebooks(
        workspaces,
        notebooks,
        settings ?? new Settings(),
        app.serviceManager.contents
      );
    }
    connection.changes.arrived.connect((_, changes) => {
      const shown = workspaces.current;
      // A kernel may just have made the workspace that is looked for, or another one.
      if (
        shown?.exists !== true ||
        changes.some(one => !workspaces.all.some(ws => ws.id === one.workspace))
      ) {
        workspaces.refresh().catch(() => undefined);
      }
    });
    return workspaces;
  }
};

function followNotebooks(
  workspaces: WorkspacesModel,
  notebooks: INotebookTracker,
  settings: Settings,
  contents: Contents.IManager
): void {
  let watched: NotebookPanel | null = null;
  const follow = (): void => {
    if (watched !== null && !watched.isDisposed && settings.followNotebook) {
      workspaces.follow(contents.localPath(watched.context.path));
    }
  };
  const watch = (_: INotebookTracker, panel: NotebookPanel | null): void => {
    watched?.context.pathChanged.disconnect(follow);
    watched = panel;
    panel?.context.pathChanged.connect(follow);
    follow();
  };
  notebooks.currentChanged.connect(watch);
  settings.changed.connect(follow);
  watch(notebooks, notebooks.currentWidget);
}
