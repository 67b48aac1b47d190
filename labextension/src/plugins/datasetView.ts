import {
  ILayoutRestorer,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  Clipboard,
  ICommandPalette,
  InputDialog,
  MainAreaWidget,
  showErrorMessage,
  WidgetTracker
} from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { problemLine } from '../components/words';
import { versionOf } from '../figures/dataset';
import { DATASET_TABS, Place } from '../figures/link';
import { DatasetModel, DatasetState } from '../models/dataset';
import { Settings } from '../models/settings';
import { addressOf } from '../services/address';
import { datasetsShow, driftReportsGet } from '../services/api';
import { asProblem } from '../services/problem';
import {
  CommandIDs,
  IConnection,
  IPlaces,
  ISettings,
  IWorkspaces
} from '../tokens';
import { DatasetViewWidget } from '../widgets/datasetView';
import { notesRenderer } from '../widgets/notes';

type View = MainAreaWidget<DatasetViewWidget>;

const WHOLE_ID = /^[0-9a-f]{32}$/;

/** The page of a dataset in the main area. */
export const datasetViewPlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbproof:dataset-view',
  description: 'The page of a dataset in the main area.',
  autoStart: true,
  requires: [IConnection],
  optional: [
    IWorkspaces,
    ISettings,
    ICommandPalette,
    ILayoutRestorer,
    IRenderMimeRegistry,
    IPlaces,
    ITranslator
  ],
  activate: (
    app,
    connection: IConnection,
    workspaces: IWorkspaces | null,
    given: ISettings | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    rendermime: IRenderMimeRegistry | null,
    places: IPlaces | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('nbproof');
    const settings = given ?? new Settings();
    const { commands, shell } = app;
    const tracker = new WidgetTracker<View>({ namespace: 'nbproof-dataset' });

    const placeOf = (model: DatasetModel): Place => ({
      kind: 'dataset',
      workspace: model.workspace ?? '',
      dataset: model.reference,
      tab: model.state.tab,
      against: model.state.against ?? ''
    });
    places?.add(() =>
      tracker.currentWidget !== null &&
      tracker.currentWidget === shell.currentWidget
        ? placeOf(tracker.currentWidget.content.model)
        : null
    );

    const open = (
      workspace: string | null,
      name: string,
      shown: Partial<DatasetState>
    ): View => {
      const view =
        tracker.find(
          ({ content: { model } }) =>
            model.name === name && model.workspace === workspace
        ) ?? newView(workspace, name);
      view.content.model.show(shown);
      if (!view.isAttached) {
        shell.add(view, 'main', { type: 'nbproof' });
      }
      shell.activateById(view.id);
      return view;
    };

    let count = 0;
    const newView = (workspace: string | null, name: string): View => {
      const model = new DatasetModel({
        client: connection.client,
        workspace,
        name
      });
      const content = new DatasetViewWidget({
        model,
        settings,
        renderNotes:
          rendermime &&
          notesRenderer(
            rendermime,
            app.serviceManager.contents,
            () => workspaces?.all.find(one => one.id === workspace)?.path ?? ''
          ),
        openRun: run =>
          void commands.execute(CommandIDs.openRun, {
            workspace: workspace ?? '',
            run
          }),
        openDataset: dataset =>
          void commands.execute(CommandIDs.openDataset, {
            workspace: workspace ?? '',
            dataset
          }),
        openReport: report =>
          void commands.execute(CommandIDs.openDriftReport, {
            workspace: workspace ?? '',
            report
          }),
        copyLink: () => Clipboard.copyToSystem(addressOf(placeOf(model))),
        close: () => view.dispose(),
        trans
      });
      const view = new MainAreaWidget({ content });
      view.id = `nbproof-dataset-${++count}`;
      view.toolbar.hide();
      connection.changes.arrived.connect((_, changes) => {
        // A page in the background asks when it is shown again.
        if (content.isVisible && !document.hidden) {
          changes.forEach(change => model.touch(change));
        }
      }, model);
      model.stateChanged.connect(() => void tracker.save(view));
      void tracker.add(view);
      return view;
    };

    commands.addCommand(CommandIDs.openDataset, {
      label: args =>
        args.dataset === undefined
          ? trans.__('nbproof: Open Dataset…')
          : trans.__('Open Dataset'),
      caption: trans.__('Show everything about one dataset'),
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
            dataset: {
              type: 'string',
              description: trans.__(
                'Its name, or a version of it: name@v3, name@alias; asked for when missing'
              )
            },
            tab: {
              type: 'string',
              enum: [...DATASET_TABS],
              description: trans.__('The tab that is in front')
            },
            against: {
              type: 'string',
              description: trans.__(
                'The version it is compared with: name@v3, name@alias'
              )
            }
          }
        }
      },
      execute: async args => {
        const workspace =
          textOf(args.workspace) ?? workspaces?.current?.id ?? null;
        const reference =
          textOf(args.dataset) ??
          textOf(
            (
              await InputDialog.getText({
                title: trans.__('Open Dataset'),
                label: trans.__('Its name, or a version: name@v3, name@alias'),
                okLabel: trans.__('Open')
              })
            ).value?.trim()
          );
        if (reference === null) {
          return null;
        }
        const tab = DATASET_TABS.find(one => one === args.tab);
        const against = textOf(args.against);
        const shown = {
          ...(tab === undefined ? {} : { tab }),
          ...(against === null ? {} : { against })
        };
        // An id is no name, though it could be one.
        const named = WHOLE_ID.test(reference) ? null : versionOf(reference);
        if (named !== null) {
          return open(workspace, named.name, {
            version: named.version,
            ...shown
          });
        }
        try {
          const request = connection.client.requester(workspace);
          const version = await datasetsShow(request, { id: reference });
          return open(workspace, version.dataset, {
            version: version.version,
            ...shown
          });
        } catch (thrown) {
          await showErrorMessage(
            trans.__('The dataset could not be opened'),
            problemLine(asProblem(thrown), trans)
          );
          return null;
        }
      }
    });
    commands.addCommand(CommandIDs.openDriftReport, {
      label: trans.__('Open Drift Report'),
      caption: trans.__('Show the comparison that a drift report is of'),
      describedBy: {
        args: {
          type: 'object',
          required: ['report'],
          properties: {
            workspace: {
              type: 'string',
              description: trans.__(
                'The workspace’s id; by default the one shown'
              )
            },
            report: {
              type: 'string',
              description: trans.__('The report’s id')
            }
          }
        }
      },
      execute: async args => {
        const workspace =
          textOf(args.workspace) ?? workspaces?.current?.id ?? null;
        try {
          const { reference, reference_id, current_id } = await driftReportsGet(
            connection.client.requester(workspace),
            { id: textOf(args.report) ?? '' }
          );
          // One of a frame has one version to show.
          const view: unknown = await commands.execute(CommandIDs.openDataset, {
            workspace: workspace ?? '',
            dataset: current_id ?? reference_id ?? '',
            ...(current_id !== null && reference_id !== null
              ? { tab: 'compare', against: reference }
              : {})
          });
          return view;
        } catch (thrown) {
          await showErrorMessage(
            trans.__('The drift report could not be opened'),
            problemLine(asProblem(thrown), trans)
          );
          return null;
        }
      }
    });
    palette?.addItem({ command: CommandIDs.openDataset, category: 'nbproof' });
    if (restorer !== null) {
      void restorer.restore(tracker, {
        command: CommandIDs.openDataset,
        args: ({ content: { model } }) => ({
          workspace: model.workspace ?? '',
          dataset: model.reference,
          tab: model.state.tab,
          against: model.state.against ?? ''
        }),
        name: ({ content: { model } }) =>
          `${model.workspace ?? ''}:${model.name}`
      });
    }
  }
};

const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null;
