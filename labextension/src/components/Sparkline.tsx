import { JSX, memo } from 'react';

import { sparkPath } from '../figures/line';

const WIDTH = 64;
const HEIGHT = 18;

/** The course of a metric in the size of a word; decoration, the number stands beside it. */
export const Sparkline = memo(function Sparkline({
  values
}: Sparkline.IProps): JSX.Element {
  return (
    <svg
      className="jp-nbproof-Sparkline"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      aria-hidden="true"
    >
      <path d={sparkPath(values, WIDTH, HEIGHT)} />
    </svg>
  );
});

export namespace Sparkline {
  export interface IProps {
    values: readonly number[];
  }
}
