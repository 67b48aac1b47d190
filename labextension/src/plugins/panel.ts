import {
  ILayoutRestorer,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Poll } from '@lumino/polling';

import { DatasetsModel } from '../models/datasets';
import { pollFrequency } from '../models/polling';
import { RunsModel } from '../models/runs';
import { Settings } from '../models/settings';
import type { WorkspacesModel } from '../models/workspaces';
import {
  CommandIDs,
  IConnection,
  IKernelWatch,
  ISettings,
  IWorkspaces
} from '../tokens';
import { RunsPanelWidget } from '../widgets/runsPanel';

/** Left sidebars are ordered by rank; the file browser has 100, extensions begin at 1000. */
const RANK = 700;

/** The sidebar with experiments, runs and datasets. */
export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbproof:panel',
  description: 'The sidebar with experiments, runs and datasets.',
  autoStart: true,
  requires: [IConnection, IWorkspaces],
  optional: [
    IKernelWatch,
    ISettings,
    ICommandPalette,
    ILayoutRestorer,
    ITranslator
  ],
  activate: (
    app,
    connection: IConnection,
    workspaces: IWorkspaces,
    kernel: IKernelWatch | null,
    given: ISettings | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('nbproof');
    const settings = given ?? new Settings();
    const { commands, shell } = app;
    const runs = new RunsModel({ client: connection.client, settings });
    const datasets = new DatasetsModel(connection.client);
    const poll = startPolling(workspaces, runs, datasets, settings, () =>
      isSeen()
    );
    const refresh = (): void => void poll.refresh();
    const run = (command: string, args: Record<string, string> = {}): void => {
      commands.execute(command, args).catch(() => {
        // The command has shown what went wrong.
      });
    };
    const workspaceId = (): string => workspaces.current?.id ?? '';

    const panel = new RunsPanelWidget({
      runs,
      datasets,
      workspaces,
      kernel,
      settings,
      trans,
      hasNotebook: () =>
        commands.hasCommand(CommandIDs.insertLoadLine) &&
        commands.isEnabled(CommandIDs.insertLoadLine),
      openRun: id =>
        run(CommandIDs.openRun, { workspace: workspaceId(), run: id }),
      openTable: () => run(CommandIDs.openTable, { workspace: workspaceId() }),
      openDataset: name =>
        run(CommandIDs.openDataset, {
          workspace: workspaceId(),
          dataset: name
        }),
      refresh,
      insertLoadLine: () => run(CommandIDs.insertLoadLine),
      insertInstallLine: () => run(CommandIDs.insertInstallLine)
    });
    const isSeen = (): boolean => panel.isVisible && !document.hidden;
    shell.add(panel, 'left', { rank: RANK, type: 'nbproof' });
    restorer?.add(panel, 'nbproof-runs');

    workspaces.changed.connect(() => {
      runs.setWorkspace(workspaces.current);
      datasets.setWorkspace(workspaces.current);
    });
    connection.changes.arrived.connect((_, changes) => {
      // Nobody looks: what changed is asked for when the panel is shown, or by the next poll.
      if (isSeen()) {
        changes.forEach(change => {
          runs.touch(change);
          datasets.touch(change);
        });
      }
    });
    panel.disposed.connect(() => {
      poll.dispose();
      runs.dispose();
      datasets.dispose();
    });

    commands.addCommand(CommandIDs.showRuns, {
      label: trans.__('nbproof: Show Runs'),
      caption: trans.__('Show the sidebar with runs and datasets'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => shell.activateById(panel.id)
    });
    commands.addCommand(CommandIDs.refresh, {
      label: trans.__('nbproof: Refresh'),
      caption: trans.__('Look for new runs now'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: refresh
    });
    const activeRun = (): string | null => {
      const row = runs.activeRow;
      return row?.type === 'run' ? row.run.id : null;
    };
    commands.addCommand(CommandIDs.copyRunId, {
      label: trans.__('Copy Run ID'),
      isEnabled: () => activeRun() !== null,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => {
        const id = activeRun();
        if (id !== null) {
          Clipboard.copyToSystem(id);
        }
      }
    });
    app.contextMenu.addItem({
      command: CommandIDs.copyRunId,
      selector: '.jp-nbproof-Run',
      rank: 1
    });
    palette?.addItem({ command: CommandIDs.showRuns, category: 'nbproof' });
    palette?.addItem({ command: CommandIDs.refresh, category: 'nbproof' });
  }
};

/** Looks from time to time: for workspaces that appear, for what no event told, for a server that is back. */
function startPolling(
  workspaces: WorkspacesModel,
  runs: RunsModel,
  datasets: DatasetsModel,
  settings: Settings,
  isSeen: () => boolean
): Poll {
  const poll = new Poll({
    name: 'nbproof:runs',
    factory: async () => {
      await workspaces.refresh();
      await Promise.all([runs.refresh(), datasets.refresh()]);
    },
    frequency: pollFrequency(settings.pollSeconds),
    standby: () => !isSeen()
  });
  settings.changed.connect(() => {
    poll.frequency = pollFrequency(settings.pollSeconds);
  });
  return poll;
}
