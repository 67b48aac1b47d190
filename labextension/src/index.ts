import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { connectionPlugin } from './plugins/connection';
import { kernelPlugin } from './plugins/kernel';
import { panelPlugin } from './plugins/panel';
import { runViewPlugin } from './plugins/runView';
import { settingsPlugin } from './plugins/settings';
import { workspacesPlugin } from './plugins/workspaces';

export * from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  connectionPlugin,
  settingsPlugin,
  workspacesPlugin,
  kernelPlugin,
  panelPlugin,
  runViewPlugin
];

export default plugins;
