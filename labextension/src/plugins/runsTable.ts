import {
  ILayoutRestorer,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  Clipboard,
  ICommandPalette,
  MainAreaWidget,
  WidgetTracker
} from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Debouncer } from '@lumino/polling';

import {
  CHARTS,
  Place,
  placeOf,
  placeText,
  TABLE,
  TableState
} from '../figures/link';
import { Settings } from '../models/settings';
import { RunsTableModel } from '../models/table';
import { addressOf } from '../services/address';
import type { WorkspaceView } from '../services/api';
import {
  CommandIDs,
  IConnection,
  IPlaces,
  ISettings,
  IWorkspaces
} from '../tokens';
import { RunsTableWidget } from '../widgets/runsTable';

type View = MainAreaWidget<RunsTableWidget>;

const KEEP_MS = 400;

/** All runs of a workspace as a table, in the main area. */
export const runsTablePlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbproof:runs-table',
  description: 'All runs of a workspace as a table, with charts.',
  autoStart: true,
  requires: [IConnection, IWorkspaces],
  optional: [
    ISettings,
    IPlaces,
    IStateDB,
    ICommandPalette,
    ILayoutRestorer,
    ITranslator
  ],
  activate: (
    app,
    connection: IConnection,
    workspaces: IWorkspaces,
    given: ISettings | null,
    places: IPlaces | null,
    kept: IStateDB | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('nbproof');
    const settings = given ?? new Settings();
    const { commands, shell } = app;
    const tracker = new WidgetTracker<View>({
      namespace: 'nbproof-runs-table'
    });

    const inFront = (): View | null =>
      tracker.currentWidget !== null &&
      tracker.currentWidget === shell.currentWidget
        ? tracker.currentWidget
        : null;
    const place = ({ workspace, state }: RunsTableModel): Place => ({
      kind: 'runs',
      workspace: workspace?.id ?? '',
      state
    });
    places?.add(() => {
      const view = inFront();
      return view === null ? null : place(view.content.model);
    });

    const find = (id: string): WorkspaceView =>
      workspaces.all.find(one => one.id === id) ?? {
        // Not announced yet, or only this link knows it: the server says so if it does not.
        id,
        name: id,
        path: null,
        root: '',
        exists: true,
        why: ''
      };

    const newView = (id: string, state: TableState): View => {
      const model = new RunsTableModel({
        client: connection.client,
        settings,
        noneWord: trans.__('(nothing)')
      });
      const content = new RunsTableWidget({
        model,
        settings,
        openRun: run =>
          void commands.execute(CommandIDs.openRun, { workspace: id, run }),
        compare: runs =>
          void commands.execute(CommandIDs.compareRuns, {
            workspace: id,
            runs: [...runs]
          }),
        copyLink: () => Clipboard.copyToSystem(addressOf(place(model))),
        showSidebar: () => void commands.execute(CommandIDs.showRuns),
        trans
      });
      const view = new MainAreaWidget({ content });
      view.id = `nbproof-runs-table-${id}`;
      view.toolbar.hide();
      model.setWorkspace(find(id), state);
      const keep = new Debouncer(async () => {
        await tracker.save(view);
        await kept?.save(keyOf(id), { link: placeText(remembered(model)) });
      }, KEEP_MS);
      model.stateChanged.connect(() => void keep.invoke());
      const follow = (): void => {
        const known = workspaces.all.find(one => one.id === id);
        if (known !== undefined) {
          model.updateWorkspace(known);
        }
      };
      workspaces.changed.connect(follow);
      connection.changes.arrived.connect((_, changes) => {
        // A table in the background asks when it is shown again.
        if (content.isVisible && !document.hidden) {
          changes.forEach(change => model.touch(change));
        }
      }, model);
      view.disposed.connect(() => {
        keep.dispose();
        workspaces.changed.disconnect(follow);
      });
      void tracker.add(view);
      return view;
    };

    const stateFor = async (
      id: string,
      link: string | null
    ): Promise<TableState> => {
      const asked = link === null ? null : placeOf(link);
      if (asked?.kind === 'runs') {
        return asked.state;
      }
      const saved = await kept?.fetch(keyOf(id)).catch(() => undefined);
      const text =
        typeof saved === 'object' && saved !== null && 'link' in saved
          ? saved.link
          : null;
      const before = typeof text === 'string' ? placeOf(text) : null;
      return before?.kind === 'runs' ? before.state : TABLE;
    };

    commands.addCommand(CommandIDs.openTable, {
      label: trans.__('nbproof: Open Runs Table'),
      caption: trans.__('Show all runs of the workspace as a table'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            workspace: {
              type: 'string',
              description: trans.__(
                'The workspace’s id; by default the one shown'
              )
            },
            link: {
              type: 'string',
              description: trans.__(
                'What the table shows: the text after “?nbproof=” of a link'
              )
            }
          }
        }
      },
      execute: async args => {
        const link = textOf(args.link);
        let id = textOf(args.workspace) ?? workspaces.current?.id ?? null;
        if (id === null || !workspaces.all.some(one => one.id === id)) {
          // The sidebar was not opened yet: nobody has asked which workspaces there are.
          await workspaces.refresh().catch(() => undefined);
          id ??= workspaces.current?.id ?? '';
        }
        const open = tracker.find(
          one => one.content.model.workspace?.id === id
        );
        const view = open ?? newView(id, await stateFor(id, link));
        if (open !== undefined && link !== null) {
          open.content.model.setWorkspace(find(id), await stateFor(id, link));
        }
        if (!view.isAttached) {
          shell.add(view, 'main', { type: 'nbproof' });
        }
        shell.activateById(view.id);
        return view;
      }
    });
    palette?.addItem({ command: CommandIDs.openTable, category: 'nbproof' });

    const isEnabled = (): boolean =>
      (inFront()?.content.model.activeRun ?? null) !== null;
    const active = (): { model: RunsTableModel; id: string } | null => {
      const model = inFront()?.content.model;
      const run = model?.activeRun;
      return model === undefined || !run ? null : { model, id: run.id };
    };
    const addCommand = (
      command: string,
      label: () => string,
      execute: (model: RunsTableModel, id: string) => void
    ): void => {
      commands.addCommand(command, {
        label,
        isEnabled,
        describedBy: { args: { type: 'object', properties: {} } },
        execute: () => {
          const at = active();
          if (at !== null) {
            execute(at.model, at.id);
          }
        }
      });
      app.contextMenu.addItem({
        command,
        selector: '.jp-nbproof-Grid-row[data-run]'
      });
    };
    addCommand(
      CommandIDs.copyRunLink,
      () => trans.__('Copy Link to Run'),
      (model, run) =>
        Clipboard.copyToSystem(
          addressOf({
            kind: 'run',
            workspace: model.workspace?.id ?? '',
            run,
            tab: 'overview',
            artifact: '',
            charts: CHARTS
          })
        )
    );
    addCommand(
      CommandIDs.pinRun,
      () => {
        const at = active();
        return at?.model.state.pinned.includes(at.id) === true
          ? trans.__('Unpin Run')
          : trans.__('Pin Run to the Top');
      },
      (model, id) => model.pin([id], !model.state.pinned.includes(id))
    );
    addCommand(
      CommandIDs.hideRun,
      () => {
        const at = active();
        return at?.model.state.hidden.includes(at.id) === true
          ? trans.__('Unhide Run')
          : trans.__('Hide Run');
      },
      (model, id) => model.hide([id], !model.state.hidden.includes(id))
    );

    if (restorer !== null) {
      void restorer.restore(tracker, {
        command: CommandIDs.openTable,
        args: ({ content: { model } }) => ({
          workspace: model.workspace?.id ?? '',
          link: placeText(place(model))
        }),
        name: ({ content: { model } }) => model.workspace?.id ?? ''
      });
    }
  }
};

const keyOf = (workspace: string): string => `nbproof:runs-table:${workspace}`;

/** What a new table of the workspace begins with: how it looks, not what was searched for. */
const remembered = ({ workspace, state }: RunsTableModel): Place => ({
  kind: 'runs',
  workspace: workspace?.id ?? '',
  state: { ...state, query: '', experiment: null, selected: [] }
});

const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null;
