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
import {
  ITranslator,
  nullTranslator,
  TranslationBundle
} from '@jupyterlab/translation';

import type { RenderedData } from '../components/RenderedData';
import { problemLine } from '../components/words';
import {
  Place,
  placeOf as placeIn,
  placeText,
  RUN_TABS
} from '../figures/link';
import { RunModel, RunState } from '../models/run';
import { Settings } from '../models/settings';
import { addressOf } from '../services/address';
import { runsGet } from '../services/api';
import { asProblem } from '../services/problem';
import {
  CommandIDs,
  IConnection,
  IPlaces,
  ISettings,
  IWorkspaces
} from '../tokens';
import { notesRenderer } from '../widgets/notes';
import { RunViewWidget } from '../widgets/runView';

type View = MainAreaWidget<RunViewWidget>;

const WHOLE_ID = /^[0-9a-f]{32}$/;

/** The page of a run in the main area. */
export const runViewPlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbproof:run-view',
  description: 'The page of a run in the main area.',
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
    const tracker = new WidgetTracker<View>({ namespace: 'nbproof-run' });

    const placeOf = (model: RunModel): Place => ({
      kind: 'run',
      workspace: model.workspace ?? '',
      run: model.id,
      tab: model.tab,
      artifact: model.opened ?? '',
      charts: model.charts
    });
    places?.add(() =>
      tracker.currentWidget !== null &&
      tracker.currentWidget === shell.currentWidget
        ? placeOf(tracker.currentWidget.content.model)
        : null
    );

    const open = (
      workspace: string | null,
      id: string,
      shown: Partial<RunState> = {}
    ): View => {
      const view =
        tracker.find(
          one =>
            one.content.model.id === id &&
            one.content.model.workspace === workspace
        ) ?? newView(workspace, id);
      view.content.model.show(shown);
      if (!view.isAttached) {
        shell.add(view, 'main', { type: 'nbproof' });
      }
      shell.activateById(view.id);
      return view;
    };

    const newView = (workspace: string | null, id: string): View => {
      const model = new RunModel({ client: connection.client, workspace, id });
      const content = new RunViewWidget({
        model,
        settings,
        renderNotes:
          rendermime &&
          notesRenderer(
            rendermime,
            app.serviceManager.contents,
            () => workspaces?.all.find(one => one.id === workspace)?.path ?? ''
          ),
        renderData: rendermime && dataRenderer(rendermime),
        openRun: id => void open(workspace, id),
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
        openTable: () =>
          void commands.execute(CommandIDs.openTable, {
            workspace: workspace ?? ''
          }),
        copyLink: () => Clipboard.copyToSystem(addressOf(placeOf(model))),
        trans
      });
      const view = new MainAreaWidget({ content });
      view.id = `nbproof-run-${workspace ?? 'default'}-${id}`;
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

    commands.addCommand(CommandIDs.openRun, {
      label: args =>
        args.run === undefined
          ? trans.__('nbproof: Open Run…')
          : trans.__('Open Run'),
      caption: trans.__('Show everything about one run'),
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
            run: {
              type: 'string',
              description: trans.__(
                'The run’s id, name, last 6 digits, @last or @best:metric; asked for when missing'
              )
            },
            tab: {
              type: 'string',
              enum: [...RUN_TABS],
              description: trans.__('The tab that is in front')
            },
            link: {
              type: 'string',
              description: trans.__(
                'How it is shown: the text after “?nbproof=” of a link'
              )
            }
          }
        }
      },
      execute: async args => {
        const workspace =
          textOf(args.workspace) ?? workspaces?.current?.id ?? null;
        const reference = textOf(args.run) ?? (await askForRun(trans));
        if (reference === null) {
          return null;
        }
        const asked = typeof args.link === 'string' ? placeIn(args.link) : null;
        const tab = RUN_TABS.find(one => one === args.tab);
        const shown: Partial<RunState> = {
          ...(asked?.kind === 'run'
            ? {
                tab: asked.tab,
                charts: asked.charts,
                opened: asked.artifact === '' ? null : asked.artifact
              }
            : {}),
          ...(tab === undefined ? {} : { tab })
        };
        if (WHOLE_ID.test(reference)) {
          return open(workspace, reference, shown);
        }
        try {
          const request = connection.client.requester(workspace);
          const run = await runsGet(request, { id: reference });
          return open(workspace, run.id, shown);
        } catch (thrown) {
          await showErrorMessage(
            trans.__('The run could not be opened'),
            problemLine(asProblem(thrown), trans)
          );
          return null;
        }
      }
    });
    commands.addCommand(CommandIDs.openLatestRun, {
      label: trans.__('nbproof: Open Latest Run'),
      caption: trans.__('Show the run that was started last'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => commands.execute(CommandIDs.openRun, { run: '@last' })
    });
    palette?.addItem({ command: CommandIDs.openRun, category: 'nbproof' });
    palette?.addItem({
      command: CommandIDs.openLatestRun,
      category: 'nbproof'
    });
    if (restorer !== null) {
      void restorer.restore(tracker, {
        command: CommandIDs.openRun,
        args: ({ content: { model } }) => ({
          workspace: model.workspace ?? '',
          run: model.id,
          link: placeText(placeOf(model))
        }),
        name: ({ content: { model } }) => `${model.workspace ?? ''}:${model.id}`
      });
    }
  }
};

const JSON_TREE = 'application/json';

/** Draws data as JupyterLab draws an output that nobody vouches for; what it has no picture for, as a tree. */
function dataRenderer(rendermime: IRenderMimeRegistry): RenderedData.Render {
  return (type, data) => {
    const drawn = [type, JSON_TREE].find(
      one => rendermime.getFactory(one)?.safe === true
    );
    if (drawn === undefined) {
      return null;
    }
    return () => {
      const renderer = rendermime.createRenderer(drawn);
      const model = rendermime.createModel({
        data: { [drawn]: data },
        trusted: false
      });
      renderer.renderModel(model).catch(() => {
        renderer.node.textContent = JSON.stringify(data, null, 2);
      });
      return renderer;
    };
  };
}

const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null;

async function askForRun(trans: TranslationBundle): Promise<string | null> {
  const answer = await InputDialog.getText({
    title: trans.__('Open Run'),
    label: trans.__('Name, last 6 digits of the id, @last or @best:metric'),
    placeholder: '@last',
    okLabel: trans.__('Open')
  });
  return answer.button.accept
    ? (textOf(answer.value?.trim()) ?? '@last')
    : null;
}
