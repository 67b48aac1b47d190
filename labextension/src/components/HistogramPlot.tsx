import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, useId, useRef, useState } from 'react';

import { Bars, barsOf } from '../figures/bars';
import { formatNumber } from '../figures/numbers';
import type { Histogram } from '../services/api';
import { toNumber } from '../figures/numbers';
import { Axes } from './ScatterPlot';
import { useWidth } from './useWidth';

const HEIGHT = 300;

/** A histogram with its axes; of a series, the one of a step that can be chosen. */
export function HistogramPlot({
  histograms,
  name,
  trans
}: {
  histograms: readonly Histogram[];
  name: string;
  trans: TranslationBundle;
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 240, 560);
  const sliderId = useId();
  const [place, setPlace] = useState<number | null>(null);
  const [picked, setPicked] = useState<number | null>(null);
  const last = histograms.length - 1;
  const at = Math.min(place ?? last, last);
  const shown = histograms[at];
  const bars = barsOf(
    shown.edges.map(toNumber),
    shown.counts.map(toNumber),
    // One scale for the series: what grows from step to step is seen to grow.
    histograms.flatMap(one => one.edges.map(toNumber)),
    histograms.flatMap(one => one.counts.map(toNumber)),
    { width, height: HEIGHT }
  );
  return (
    <div ref={box} className="jp-nbproof-Plot">
      {histograms.length > 1 && (
        <div className="jp-nbproof-Slider">
          <label htmlFor={sliderId}>
            {shown.step === null ? trans.__('Version') : trans.__('Step')}
          </label>
          <input
            id={sliderId}
            type="range"
            min={0}
            max={last}
            step={1}
            value={at}
            aria-valuetext={String(shown.step ?? shown.version)}
            onChange={event => setPlace(Number(event.target.value))}
          />
          <output htmlFor={sliderId}>
            {String(shown.step ?? shown.version)}
          </output>
        </div>
      )}
      <svg
        width={width}
        height={HEIGHT}
        role="img"
        aria-label={trans.__(
          '%1: %2 bins from %3 to %4',
          name,
          shown.counts.length,
          formatNumber(bars.low),
          formatNumber(bars.high)
        )}
        onPointerLeave={() => setPicked(null)}
      >
        <Axes frame={bars.frame} xTicks={bars.xTicks} yTicks={bars.yTicks} />
        {bars.bars.map((bar, index) => (
          <rect
            key={index}
            className="jp-nbproof-Bar"
            data-picked={index === picked || undefined}
            x={bar.x}
            y={bar.y}
            width={bar.width}
            height={bar.height}
            onPointerEnter={() => setPicked(index)}
          />
        ))}
        <text
          className="jp-nbproof-Chart-tick"
          x={(bars.frame.left + bars.frame.right) / 2}
          y={HEIGHT - 4}
          textAnchor="middle"
        >
          {trans.__('value')}
        </text>
        <text
          className="jp-nbproof-Chart-tick"
          transform={`translate(12 ${(bars.frame.top + bars.frame.bottom) / 2}) rotate(-90)`}
          textAnchor="middle"
        >
          {trans.__('count')}
        </text>
      </svg>
      <p className="jp-nbproof-Plot-note" aria-live="polite">
        {readout(bars, picked, trans)}
      </p>
    </div>
  );
}

function readout(
  { bars, total }: Bars,
  picked: number | null,
  trans: TranslationBundle
): string {
  const bar = picked === null ? undefined : bars.at(picked);
  return bar === undefined
    ? trans.__('%1 values in %2 bins', formatNumber(total), bars.length)
    : trans.__(
        'from %1 to %2: %3',
        formatNumber(bar.low),
        formatNumber(bar.high),
        formatNumber(bar.count)
      );
}
