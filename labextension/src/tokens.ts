import { Token } from '@lumino/coreutils';

import type { Place } from './figures/link';
import type { KernelModel } from './models/kernel';
import type { Settings } from './models/settings';
import type { WorkspacesModel } from './models/workspaces';
import type { Changes } from './services/changes';
import type { Client } from './services/client';

/** The way to the server: questions go out, news come in. */
export interface IConnection {
  readonly client: Client;
  readonly changes: Changes;
}

export const IConnection = new Token<IConnection>(
  'nbproof:IConnection',
  'The way to the nbproof server extension: questions go out, news come in.'
);

export type ISettings = Settings;

export const ISettings = new Token<ISettings>(
  'nbproof:ISettings',
  'The user’s choices for the nbproof panel.'
);

export type IWorkspaces = WorkspacesModel;

export const IWorkspaces = new Token<IWorkspaces>(
  'nbproof:IWorkspaces',
  'The workspaces that the server offers, and which of them is shown.'
);

export type IKernelWatch = KernelModel;

export const IKernelWatch = new Token<IKernelWatch>(
  'nbproof:IKernelWatch',
  'Whether the active notebook’s kernel can import nbproof.'
);

/** Names of commands; each is registered by the plugin that is named after its part. */
export const CommandIDs = {
  showRuns: 'nbproof:show-runs',
  refresh: 'nbproof:refresh',
  openRun: 'nbproof:open-run',
  openLatestRun: 'nbproof:open-latest-run',
  openTable: 'nbproof:open-runs-table',
  openDataset: 'nbproof:open-dataset',
  openDriftReport: 'nbproof:open-drift-report',
  compareRuns: 'nbproof:compare-runs',
  openLink: 'nbproof:open-link',
  copyLink: 'nbproof:copy-link',
  copyRunLink: 'nbproof:copy-run-link',
  pinRun: 'nbproof:pin-run',
  hideRun: 'nbproof:hide-run',
  copyRunId: 'nbproof:copy-run-id',
  insertInstallLine: 'nbproof:insert-install-line',
  insertLoadLine: 'nbproof:insert-load-line'
} as const;

/** What is looked at, and can be linked to. */
export interface IPlaces {
  /** Each view that has an address says so; the first that is in front gives it. */
  add: (current: () => Place | null) => void;
  /** The place in front; null where it is none of ours. */
  readonly current: Place | null;
}

export const IPlaces = new Token<IPlaces>(
  'nbproof:IPlaces',
  'The places of nbproof that have an address.'
);
