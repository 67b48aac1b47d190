import type { LabIcon } from '@jupyterlab/ui-components';
import type { JSX, ReactNode } from 'react';

/** Something to say instead of, or above, a list: a title, a sentence or two, and what can be done. */
export function Notice({
  kind,
  icon: Icon,
  title,
  children,
  actions = []
}: Notice.IProps): JSX.Element {
  return (
    <div
      className="jp-nbproof-Notice"
      data-kind={kind}
      role={kind === 'error' ? 'alert' : 'status'}
    >
      {Icon !== undefined && (
        <Icon.react tag="span" className="jp-nbproof-Notice-icon" />
      )}
      <div className="jp-nbproof-Notice-body">
        <div className="jp-nbproof-Notice-title">{title}</div>
        {children !== undefined && (
          <div className="jp-nbproof-Notice-text">{children}</div>
        )}
        {actions.length > 0 && (
          <div className="jp-nbproof-Notice-actions">
            {actions.map(action => (
              <button
                key={action.label}
                type="button"
                className={`jp-mod-styled jp-mod-small jp-nbproof-Button ${action.isMain === true ? 'jp-mod-accept' : 'jp-mod-reject'}`}
                onClick={action.onClick}
              >
                {action.label}
              </button>
            ))}
          </div>
        )}
      </div>
    </div>
  );
}

export namespace Notice {
  export interface IAction {
    readonly label: string;
    readonly onClick: () => void;
    readonly isMain?: boolean;
  }

  export interface IProps {
    /** `page` fills the place of what is missing; the others are bars above it. */
    kind: 'page' | 'info' | 'error';
    icon?: LabIcon;
    title: string;
    children?: ReactNode;
    actions?: readonly IAction[];
  }
}
