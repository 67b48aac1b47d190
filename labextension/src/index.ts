import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

/** The panel beside the notebook. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbproof:plugin',
  description: 'Experiments and runs of the active notebook.',
  autoStart: true,
  activate: (_app: JupyterFrontEnd) => undefined
};

export default plugin;
