import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSX } from 'react';

import { statusWord } from './words';

/** A run's status as a shape as well as a colour, so that neither alone has to be seen. */
export function StatusMark({ status, trans }: StatusMark.IProps): JSX.Element {
  const word = statusWord(status, trans);
  return (
    <svg
      className="jp-nbproof-StatusMark"
      data-status={status}
      role="img"
      aria-label={word}
      width={14}
      height={14}
      viewBox="0 0 14 14"
    >
      <title>{word}</title>
      {drawing(status)}
    </svg>
  );
}

export namespace StatusMark {
  export interface IProps {
    status: string;
    trans: TranslationBundle;
  }
}

function drawing(status: string): JSX.Element {
  switch (status) {
    case 'running':
      return (
        <>
          <circle className="jp-nbproof-StatusMark-pulse" cx={7} cy={7} r={4} />
          <circle className="jp-nbproof-StatusMark-solid" cx={7} cy={7} r={4} />
        </>
      );
    case 'finished':
      return (
        <path className="jp-nbproof-StatusMark-line" d="M3 7.5l3 3 5.5-6.5" />
      );
    case 'failed':
      return (
        <path
          className="jp-nbproof-StatusMark-line"
          d="M3.5 3.5l7 7m0-7l-7 7"
        />
      );
    case 'interrupted':
      return (
        <path className="jp-nbproof-StatusMark-line" d="M7 2.5v5.5m0 3.2v.3" />
      );
    default:
      return (
        <>
          <circle
            className="jp-nbproof-StatusMark-ring"
            cx={7}
            cy={7}
            r={4.5}
          />
          <path className="jp-nbproof-StatusMark-ring" d="M3.8 10.2l6.4-6.4" />
        </>
      );
  }
}
