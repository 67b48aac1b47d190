import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect, refreshIcon } from '@jupyterlab/ui-components';
import type { JSX } from 'react';

import type { WorkspaceView } from '../services/api';

/** Which workspace is shown, and whether it stays when another notebook comes to the front. */
export function WorkspaceBar(props: WorkspaceBar.IProps): JSX.Element {
  const { all, current, isPinned, trans } = props;
  const pinLabel = isPinned
    ? trans.__('Pinned: click to follow the active notebook again')
    : trans.__('Follows the active notebook: click to keep this workspace');
  return (
    <div className="jp-nbproof-WorkspaceBar">
      <HTMLSelect
        className="jp-nbproof-WorkspaceBar-select"
        aria-label={trans.__('Workspace')}
        title={current?.root ?? trans.__('Workspace')}
        value={current?.id ?? ''}
        disabled={current === null}
        onChange={event => props.onChoose(event.target.value)}
      >
        {current === null && <option value="">{trans.__('Workspace')}</option>}
        {all.map(workspace => (
          <option key={workspace.id} value={workspace.id}>
            {nameOf(workspace, all, trans)}
          </option>
        ))}
      </HTMLSelect>
      <button
        type="button"
        className="jp-nbproof-IconButton"
        aria-label={trans.__('Keep this workspace')}
        aria-pressed={isPinned}
        title={pinLabel}
        disabled={current === null}
        onClick={props.onTogglePin}
      >
        <svg width={14} height={14} viewBox="0 0 14 14" aria-hidden="true">
          <path d="M5 1.5h4M5.5 1.5v4L3.5 8h7l-2-2.5v-4M7 8v4.5" />
        </svg>
      </button>
      <button
        type="button"
        className="jp-nbproof-IconButton"
        aria-label={trans.__('Open the runs table')}
        title={trans.__('Open the runs table')}
        disabled={current === null}
        onClick={props.onOpenTable}
      >
        <svg width={14} height={14} viewBox="0 0 14 14" aria-hidden="true">
          <path d="M1.5 2.5h11v9h-11zM1.5 5.5h11M5.5 5.5v6M1.5 8.5h11" />
        </svg>
      </button>
      <button
        type="button"
        className="jp-nbproof-IconButton"
        aria-label={trans.__('Refresh')}
        title={trans.__('Refresh')}
        onClick={props.onRefresh}
      >
        <refreshIcon.react tag="span" />
      </button>
    </div>
  );
}

export namespace WorkspaceBar {
  export interface IProps {
    all: readonly WorkspaceView[];
    current: WorkspaceView | null;
    isPinned: boolean;
    trans: TranslationBundle;
    onChoose: (id: string) => void;
    onTogglePin: () => void;
    onOpenTable: () => void;
    onRefresh: () => void;
  }
}

/** The workspace's name; with its folder where two share a name. */
function nameOf(
  workspace: WorkspaceView,
  all: readonly WorkspaceView[],
  trans: TranslationBundle
): string {
  const name = all.some(
    one => one.id !== workspace.id && one.name === workspace.name
  )
    ? `${workspace.name} (${workspace.path ?? workspace.root})`
    : workspace.name;
  return workspace.exists ? name : trans.__('%1 (new)', name);
}
