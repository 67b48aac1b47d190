import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, KeyboardEvent, useMemo, useRef, useState } from 'react';

import type { Column } from '../figures/columns';
import { shortened } from '../figures/numbers';
import type { Frame, Tick } from '../figures/overlay';
import type { Look } from '../figures/palette';
import { scatterOf } from '../figures/plots';
import type { Run } from '../services/api';
import { columnWord } from './cells';
import { usePlotHeight, useWidth } from './useWidth';

/** Each run is a dot: any column against any other. */
export function ScatterPlot(props: ScatterPlot.IProps): JSX.Element {
  const { runs, x, y, isLog, looks, trans } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 240, 560);
  const height = usePlotHeight(box);
  const [picked, setPicked] = useState<Run | null>(null);
  const plot = useMemo(
    () => scatterOf(runs, x, y, isLog, { width, height }),
    [runs, x, y, isLog, width, height]
  );
  const words = { x: columnWord(x, trans), y: columnWord(y, trans) };
  const onKeyDown = (event: KeyboardEvent): void => {
    const order = [...plot.dots].sort((a, b) => a.x - b.x || b.y - a.y);
    const at = order.findIndex(dot => dot.run.id === picked?.id);
    const to = {
      ArrowRight: at + 1,
      ArrowLeft: at < 0 ? order.length - 1 : at - 1,
      Home: 0,
      End: order.length - 1
    }[event.key];
    if (to !== undefined) {
      setPicked(
        order.at(Math.min(order.length - 1, Math.max(0, to)))?.run ?? null
      );
    } else if (event.key === 'Enter' && picked !== null) {
      props.onOpen(picked);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div ref={box} className="jp-nbproof-Plot">
      <svg
        width={width}
        height={height}
        className="jp-nbproof-Scatter"
        role="listbox"
        tabIndex={0}
        aria-label={trans.__(
          '%1 against %2, %3 runs: arrows go from dot to dot, Enter opens',
          words.y,
          words.x,
          plot.dots.length
        )}
        onKeyDown={onKeyDown}
        onBlur={() => setPicked(null)}
      >
        <Axes frame={plot.frame} xTicks={plot.xTicks} yTicks={plot.yTicks} />
        {plot.dots.map(dot => (
          <circle
            key={dot.run.id}
            className="jp-nbproof-Overlay-dot jp-nbproof-Scatter-dot"
            data-colour={looks.get(dot.run.id)?.colour}
            role="option"
            aria-selected={dot.run.id === picked?.id}
            aria-label={dot.run.name}
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
            {shortened(tick.label, 11)}
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
            {shortened(tick.label, 14)}
          </text>
        </g>
      ))}
    </>
  );
}
