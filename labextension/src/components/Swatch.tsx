import type { JSX } from 'react';

import type { Look } from '../figures/palette';

/** The colour and stroke in which a run is drawn; an empty ring for one that is not. */
export function Swatch({ look }: { look: Look | null }): JSX.Element {
  return (
    <svg
      className="jp-nbproof-Swatch"
      data-colour={look?.colour}
      data-dash={look?.dash}
      width={14}
      height={14}
      viewBox="0 0 14 14"
      aria-hidden="true"
    >
      {look === null ? (
        <circle className="jp-nbproof-Swatch-none" cx={7} cy={7} r={3.5} />
      ) : look.dash === 0 ? (
        <circle className="jp-nbproof-Swatch-dot" cx={7} cy={7} r={4.5} />
      ) : (
        <path className="jp-nbproof-Swatch-line" d="M0 7h14" />
      )}
    </svg>
  );
}
