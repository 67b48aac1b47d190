import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, useMemo, useRef, useState } from 'react';

import type { Column } from '../figures/columns';
import { formatNumber } from '../figures/numbers';
import type { Look } from '../figures/palette';
import { boxesOf } from '../figures/plots';
import type { Run } from '../services/api';
import { columnWord } from './cells';
import { Axes } from './ScatterPlot';
import { usePlotHeight, useWidth } from './useWidth';

/** A box of a metric for each value of a param. */
export function BoxPlot(props: BoxPlot.IProps): JSX.Element {
  const { runs, by, y, isLog, looks, trans } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 240, 560);
  const height = usePlotHeight(box);
  const [picked, setPicked] = useState<string | null>(null);
  const plot = useMemo(
    () => boxesOf(runs, by, y, isLog, { width, height }),
    [runs, by, y, isLog, width, height]
  );
  const shown = plot.boxes.find(one => one.label === picked);
  const word = columnWord(y, trans);
  if (plot.boxes.length === 0) {
    return (
      <div ref={box}>
        <p className="jp-nbproof-dim">
          {trans.__(
            'No run has both %1 and a number in %2.',
            columnWord(by, trans),
            word
          )}
        </p>
      </div>
    );
  }
  return (
    <div ref={box} className="jp-nbproof-Plot">
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={trans.__('%1 by %2', word, columnWord(by, trans))}
      >
        <Axes
          frame={plot.frame}
          xTicks={plot.boxes.map((one, index) => ({
            at: one.x,
            value: index,
            label: one.label
          }))}
          yTicks={plot.yTicks}
        />
        {plot.boxes.map(
          ({ label, x, width: wide, tops, dots, runs: members }) => (
            <g
              key={label}
              className="jp-nbproof-Box"
              onPointerEnter={() => setPicked(label)}
              onPointerLeave={() => setPicked(null)}
            >
              <path
                d={`M${x} ${tops.low}V${tops.q1}M${x} ${tops.q3}V${tops.high}`}
              />
              <path
                d={`M${x - wide / 4} ${tops.low}h${wide / 2}M${x - wide / 4} ${tops.high}h${wide / 2}`}
              />
              <rect
                className="jp-nbproof-Box-half"
                x={x - wide / 2}
                y={tops.q3}
                width={wide}
                height={Math.max(1, tops.q1 - tops.q3)}
              />
              <path
                className="jp-nbproof-Box-median"
                d={`M${x - wide / 2} ${tops.median}h${wide}`}
              />
              {members.length <= 60 &&
                dots.map(dot => (
                  <circle
                    key={dot.run.id}
                    className="jp-nbproof-Overlay-dot"
                    data-colour={looks.get(dot.run.id)?.colour}
                    cx={dot.x}
                    cy={dot.y}
                    r={3}
                  />
                ))}
            </g>
          )
        )}
      </svg>
      <p className="jp-nbproof-Plot-note" aria-live="polite">
        {shown !== undefined
          ? trans._n(
              '%2: %1 run, median %3, quartiles %4 and %5, from %6 to %7',
              '%2: %1 runs, median %3, quartiles %4 and %5, from %6 to %7',
              shown.runs.length,
              shown.label,
              formatNumber(shown.five.median),
              formatNumber(shown.five.q1),
              formatNumber(shown.five.q3),
              formatNumber(shown.five.low),
              formatNumber(shown.five.high)
            )
          : plot.left > 0
            ? trans.__('%1 further values are not drawn.', plot.left)
            : trans.__(
                'Boxes hold the middle half, whiskers reach the extremes.'
              )}
      </p>
    </div>
  );
}

export namespace BoxPlot {
  export interface IProps {
    runs: readonly Run[];
    by: Column;
    y: Column;
    isLog: boolean;
    looks: ReadonlyMap<string, Look>;
    trans: TranslationBundle;
  }
}
