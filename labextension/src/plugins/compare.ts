import {
  ILayoutRestorer,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  Clipboard,
  MainAreaWidget,
  showErrorMessage,
  WidgetTracker
} from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import {
  COMPARE,
  CompareState,
  Place,
  placeOf,
  placeText
} from '../figures/link';
import { CompareModel } from '../models/compare';
import { Settings } from '../models/settings';
import { addressOf } from '../services/address';
import {
  CommandIDs,
  IConnection,
  IPlaces,
  ISettings,
  IWorkspaces
} from '../tokens';
import { CompareWidget } from '../widgets/compare';

type View = MainAreaWidget<CompareWidget>;

/** Some runs side by side, in the main area. */
export const comparePlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbproof:compare',
  description: 'Some runs side by side.',
  autoStart: true,
  requires: [IConnection],
  optional: [IWorkspaces, ISettings, IPlaces, ILayoutRestorer, ITranslator],
  activate: (
    app,
    connection: IConnection,
    workspaces: IWorkspaces | null,
    given: ISettings | null,
    places: IPlaces | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('nbproof');
    const settings = given ?? new Settings();
    const { commands, shell } = app;
    const tracker = new WidgetTracker<View>({ namespace: 'nbproof-compare' });
    let count = 0;

    const place = ({ workspace, state }: CompareModel): Place => ({
      kind: 'compare',
      workspace: workspace ?? '',
      state
    });
    places?.add(() =>
      tracker.currentWidget !== null &&
      tracker.currentWidget === shell.currentWidget
        ? place(tracker.currentWidget.content.model)
        : null
    );

    const open = (
      workspace: string | null,
      state: CompareState,
      isLinked: boolean
    ): View => {
      const known = tracker.find(
        ({ content: { model } }) =>
          model.workspace === workspace &&
          model.state.runs.join() === state.runs.join()
      );
      if (known !== undefined) {
        if (isLinked) {
          known.content.model.setState(state);
        }
        shell.activateById(known.id);
        return known;
      }
      const model = new CompareModel({
        client: connection.client,
        workspace,
        state
      });
      const content = new CompareWidget({
        model,
        settings,
        openRun: run =>
          void commands.execute(CommandIDs.openRun, {
            workspace: workspace ?? '',
            run
          }),
        copyLink: () => Clipboard.copyToSystem(addressOf(place(model))),
        trans
      });
      const view = new MainAreaWidget({ content });
      view.id = `nbproof-compare-${++count}`;
      view.toolbar.hide();
      model.stateChanged.connect(() => void tracker.save(view));
      connection.changes.arrived.connect((_, changes) => {
        // A page in the background asks when it is shown again.
        if (content.isVisible && !document.hidden) {
          changes.forEach(change => model.touch(change));
        }
      }, model);
      shell.add(view, 'main', { type: 'nbproof' });
      shell.activateById(view.id);
      void tracker.add(view);
      return view;
    };

    commands.addCommand(CommandIDs.compareRuns, {
      label: trans.__('Compare Runs'),
      caption: trans.__('Show some runs side by side'),
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
            runs: {
              type: 'array',
              items: { type: 'string' },
              description: trans.__('Ids of two runs or more')
            },
            link: {
              type: 'string',
              description: trans.__(
                'What is compared, and how: the text after “?nbproof=” of a link'
              )
            }
          }
        }
      },
      execute: async args => {
        const asked = typeof args.link === 'string' ? placeOf(args.link) : null;
        const state: CompareState =
          asked?.kind === 'compare'
            ? asked.state
            : { ...COMPARE, runs: idsOf(args.runs) };
        if (state.runs.length < 2) {
          await showErrorMessage(
            trans.__('Nothing to compare'),
            trans.__('Two runs or more are compared; select them in the table.')
          );
          return null;
        }
        const workspace =
          typeof args.workspace === 'string' && args.workspace !== ''
            ? args.workspace
            : (workspaces?.current?.id ?? null);
        return open(workspace, state, asked !== null);
      }
    });

    if (restorer !== null) {
      void restorer.restore(tracker, {
        command: CommandIDs.compareRuns,
        args: ({ content: { model } }) => ({
          workspace: model.workspace ?? '',
          link: placeText(place(model))
        }),
        name: ({ id }) => id
      });
    }
  }
};

const idsOf = (value: unknown): string[] =>
  Array.isArray(value)
    ? value.filter((one): one is string => typeof one === 'string')
    : [];
