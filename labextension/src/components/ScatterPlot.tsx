import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, useMemo, useRef, useState } from 'react';

import type { Column } from '../figures/columns';
import type { Frame, Tick } from '../figures/overlay';
import type { Look } from '../figures/palette';
import { scatterOf } from '../figures/plots';
import type { Run } from '../services/api';
import { columnWord } from './cells';
import { useWidth } from './useWidth';

export const PLOT_HEIGHT = 380;

/** Each run is a dot: any column against any other. */
export function ScatterPlot(props: ScatterPlot.IProps): JSX.Element {
  const { runs, x, y, isLog, looks, trans } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 240, 560);
  const [picked, setPicked] = useState<Run | null>(null);
  const plot = useMemo(
    () => scatterOf(runs, x, y, isLog, { width, height: PLOT_HEIGHT }),
    [runs, x, y, isLog, width]
  );
  const words = { x: columnWord(x, trans), y: columnWord(y, trans) };
  return (
    <div ref={box} className="jp-nbproof-Plot">
      <svg
        width={width}
        height={PLOT_HEIGHT}
        role="img"
        aria-label={trans.__(
          '%1 against %2, %3 runs',
          words.y,
          words.x,
          plot.dots.length
        )}
      >
        <Axes frame={plot.frame} xTicks={plot.xTicks} yTicks={plot.yTicks} />
        {plot.dots.map(dot => (
          <circle
            key={dot.run.id}
            className="jp-nbproof-Overlay-dot jp-nbproof-Scatter-dot"
            data-colour={looks.get(dot.run.id)?.colour}
            data-run={dot.run.id}
            data-picked={dot.run.id === picked?.id || undefined}
            cx={dot.x}
            cy={dot.y}
            r={dot.run.id === picked?.id ? 6 : 4}
            onPointerEnter={() => setPicked(dot.run)}
            onPointerLeave={() => setPicked(null)}
            onDoubleClick={() => props.onOpen(dot.run)}
          />
        ))}
      </svg>
      <p className="jp-nbproof-Plot-note" aria-live="polite">
        {picked !== null
          ? `${picked.name}: ${words.x} ${plot.x.format(plot.x.valueOf(picked))} · ${words.y} ${plot.y.format(plot.y.valueOf(picked))}`
          : plot.missing > 0
            ? trans._n(
                '%1 run lacks one of the two and is not drawn.',
                '%1 runs lack one of the two and are not drawn.',
                plot.missing
              )
            : trans.__('A double click on a dot opens its run.')}
      </p>
    </div>
  );
}

export namespace ScatterPlot {
  export interface IProps {
    runs: readonly Run[];
    x: Column;
    y: Column;
    isLog: boolean;
    looks: ReadonlyMap<string, Look>;
    trans: TranslationBundle;
    onOpen: (run: Run) => void;
  }
}

/** Grid, axis and the numbers beside them. */
export function Axes({
  frame,
  xTicks,
  yTicks
}: {
  frame: Frame;
  xTicks: readonly Tick[];
  yTicks: readonly Tick[];
}): JSX.Element {
  return (
    <>
      {yTicks.map(tick => (
        <g key={tick.value}>
          <path
            className="jp-nbproof-Chart-grid"
            d={`M${frame.left} ${tick.at}H${frame.right}`}
          />
          <text
            className="jp-nbproof-Chart-tick"
            x={frame.left - 6}
            y={tick.at}
            dy="0.32em"
            textAnchor="end"
          >
            {tick.label.length > 11
              ? `${tick.label.slice(0, 10)}…`
              : tick.label}
          </text>
        </g>
      ))}
      <path
        className="jp-nbproof-Chart-axis"
        d={`M${frame.left} ${frame.bottom}H${frame.right}`}
      />
      {xTicks.map(tick => (
        <g key={tick.value}>
          <path
            className="jp-nbproof-Chart-axis"
            d={`M${tick.at} ${frame.bottom}v3`}
          />
          <text
            className="jp-nbproof-Chart-tick"
            x={tick.at}
            y={frame.bottom + 16}
            textAnchor="middle"
          >
            {tick.label.length > 14
              ? `${tick.label.slice(0, 13)}…`
              : tick.label}
          </text>
        </g>
      ))}
    </>
  );
}
