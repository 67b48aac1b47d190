import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSX } from 'react';

/** Something takes its time: how far it is, and a way to end it. Short work is over before this is seen. */
export function Working({
  label,
  share,
  onCancel,
  trans
}: {
  label: string;
  /** From 0 to 1; null where it cannot be told. */
  share: number | null;
  onCancel: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const percent = share === null ? null : Math.round(share * 100);
  return (
    <div className="jp-nbproof-Working">
      <span role="status">{label}</span>
      <div
        className="jp-nbproof-Working-bar"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent ?? undefined}
        data-unknown={percent === null || undefined}
      >
        <span style={{ width: `${percent ?? 30}%` }} />
      </div>
      <span className="jp-nbproof-Working-share" aria-hidden="true">
        {percent === null ? '' : trans.__('%1 %', percent)}
      </span>
      <button
        type="button"
        className="jp-nbproof-ToolButton"
        onClick={onCancel}
      >
        {trans.__('Cancel')}
      </button>
    </div>
  );
}
