import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { Settings } from '../models/settings';
import { ISettings } from '../tokens';

const ID = 'nbproof:settings';

/** Reads the user's choices; without a settings registry the defaults hold. */
export const settingsPlugin: JupyterFrontEndPlugin<ISettings> = {
  id: ID,
  description: 'Settings of the nbproof panel.',
  autoStart: true,
  optional: [ISettingRegistry],
  provides: ISettings,
  activate: (_app, registry: ISettingRegistry | null) => {
    const settings = new Settings();
    registry
      ?.load(ID)
      .then(loaded => settings.connect(loaded))
      .catch(() => {
        // A broken settings file: JupyterLab itself reports it, the defaults hold here.
      });
    return settings;
  }
};
