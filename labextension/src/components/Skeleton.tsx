import type { JSX } from 'react';

/** Grey bars where rows will be, so that nothing jumps when they come. */
export function Skeleton({ rows, label }: Skeleton.IProps): JSX.Element {
  return (
    <div className="jp-nbproof-Skeleton" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="jp-nbproof-Skeleton-row" aria-hidden="true">
          <span />
          <span />
        </div>
      ))}
    </div>
  );
}

export namespace Skeleton {
  export interface IProps {
    rows: number;
    label: string;
  }
}
