import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { Changes } from '../services/changes';
import { Client } from '../services/client';
import { IConnection } from '../tokens';

/** Gives the other plugins their way to the server. */
export const connectionPlugin: JupyterFrontEndPlugin<IConnection> = {
  id: 'nbproof:connection',
  description: 'Asks the nbproof server extension, and hears what changed.',
  autoStart: true,
  provides: IConnection,
  activate: app => ({
    client: new Client(app.serviceManager.serverSettings),
    changes: new Changes(app.serviceManager.events.stream)
  })
};
