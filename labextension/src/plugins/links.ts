import { IRouter, JupyterFrontEndPlugin } from '@jupyterlab/application';
import {
  Clipboard,
  ICommandPalette,
  showErrorMessage
} from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Place, placeOf, placeText } from '../figures/link';
import { addressOf, placeIn, withoutPlace } from '../services/address';
import { CommandIDs, IPlaces } from '../tokens';

/** The router's own, not for the palette. */
const ROUTE = 'nbproof:route';

/** Opens what an address names, and gives the address of what is in front. */
export const linksPlugin: JupyterFrontEndPlugin<IPlaces> = {
  id: 'nbproof:links',
  description: 'Addresses of tables, comparisons, runs and datasets.',
  autoStart: true,
  optional: [IRouter, ICommandPalette, ITranslator],
  provides: IPlaces,
  activate: (
    app,
    router: IRouter | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('nbproof');
    const { commands } = app;
    const asked: (() => Place | null)[] = [];
    const places: IPlaces = {
      add: current => void asked.push(current),
      get current() {
        for (const ask of asked) {
          const place = ask();
          if (place !== null) {
            return place;
          }
        }
        return null;
      }
    };

    const open = (place: Place): Promise<unknown> => {
      const { workspace } = place;
      switch (place.kind) {
        case 'run':
          return commands.execute(CommandIDs.openRun, {
            workspace,
            run: place.run,
            link: placeText(place)
          });
        case 'dataset':
          return commands.execute(CommandIDs.openDataset, {
            workspace,
            dataset: place.dataset,
            tab: place.tab,
            against: place.against
          });
        case 'runs':
          return commands.execute(CommandIDs.openTable, {
            workspace,
            link: placeText(place)
          });
        case 'compare':
          return commands.execute(CommandIDs.compareRuns, {
            workspace,
            link: placeText(place)
          });
      }
    };

    commands.addCommand(CommandIDs.openLink, {
      label: trans.__('nbproof: Open Link'),
      describedBy: {
        args: {
          type: 'object',
          required: ['link'],
          properties: {
            link: {
              type: 'string',
              description: trans.__(
                'An address with “?nbproof=…”, or what stands after it'
              )
            }
          }
        }
      },
      execute: async args => {
        const link = typeof args.link === 'string' ? args.link : '';
        const mark = link.indexOf('?');
        const place =
          placeOf(link) ?? (mark < 0 ? null : placeIn(link.slice(mark)));
        if (place === null) {
          await showErrorMessage(
            trans.__('The link could not be opened'),
            trans.__(
              'It names no table, comparison, run or dataset of nbproof.'
            )
          );
          return;
        }
        await open(place);
      }
    });
    commands.addCommand(CommandIDs.copyLink, {
      label: trans.__('nbproof: Copy Link to This View'),
      caption: trans.__(
        'Copy the address of the table, comparison, run or dataset in front'
      ),
      isEnabled: () => places.current !== null,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => {
        const place = places.current;
        if (place !== null) {
          Clipboard.copyToSystem(addressOf(place));
        }
      }
    });
    palette?.addItem({ command: CommandIDs.copyLink, category: 'nbproof' });

    if (router !== null) {
      commands.addCommand(ROUTE, {
        describedBy: { args: { type: 'object', properties: {} } },
        execute: async args => {
          const search = typeof args.search === 'string' ? args.search : '';
          const place = placeIn(search);
          if (place === null) {
            return;
          }
          const path = typeof args.path === 'string' ? args.path : '';
          router.navigate(`${path}${withoutPlace(search)}`, {
            skipRouting: true
          });
          // The remembered layout first: what it opens would cover what was asked for.
          await app.restored;
          await open(place);
        }
      });
      router.register({ command: ROUTE, pattern: /[?&]nbproof=/, rank: 40 });
    }
    return places;
  }
};
