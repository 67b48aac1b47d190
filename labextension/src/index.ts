import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { comparePlugin } from './plugins/compare';
import { connectionPlugin } from './plugins/connection';
import { datasetViewPlugin } from './plugins/datasetView';
import { kernelPlugin } from './plugins/kernel';
import { linksPlugin } from './plugins/links';
import { panelPlugin } from './plugins/panel';
import { runsTablePlugin } from './plugins/runsTable';
import { runViewPlugin } from './plugins/runView';
import { settingsPlugin } from './plugins/settings';
import { workspacesPlugin } from './plugins/workspaces';

export * from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  connectionPlugin,
  settingsPlugin,
  workspacesPlugin,
  kernelPlugin,
  linksPlugin,
  panelPlugin,
  runViewPlugin,
  runsTablePlugin,
  comparePlugin,
  datasetViewPlugin
];

export default plugins;
