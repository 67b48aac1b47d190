import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, PointerEvent, useMemo, useRef, useState } from 'react';

import { drawnIn, Paired, pairedChart, partText } from '../figures/compared';
import { countText, valueText } from '../figures/dataset';
import type { ColumnSummary } from '../services/api';
import { Axes } from './ScatterPlot';
import { useWidth } from './useWidth';

const WIDTH = 168;
const HEIGHT = 38;
const CHART_HEIGHT = 220;

/** What is needed of a column to write its values. */
export type Typed = Pick<ColumnSummary, 'kind' | 'type'>;

/** How the values of a column lay and lie, on one axis, in small. */
export function PairedHistogram({
  name,
  paired,
  typed,
  trans
}: {
  name: string;
  paired: Paired;
  typed: Typed;
  trans: TranslationBundle;
}): JSX.Element {
  const { before, now, outline } = drawnIn(paired, {
    left: 0,
    top: 0,
    right: WIDTH,
    bottom: HEIGHT
  });
  const words = pairedWord(name, paired, typed, trans);
  const last = paired.edges.length - 1;
  return (
    <div className="jp-nbproof-Paired-small">
      <svg
        className="jp-nbproof-Paired"
        data-kind={last > 0 ? 'range' : 'values'}
        width={WIDTH}
        height={HEIGHT + 1}
        viewBox={`0 0 ${WIDTH} ${HEIGHT + 1}`}
        role="img"
        aria-label={words}
      >
        <title>{words}</title>
        <path className="jp-nbproof-Paired-before" d={before} />
        <path className="jp-nbproof-Paired-now" d={now} />
        <path className="jp-nbproof-Paired-line" d={outline} />
        <path
          className="jp-nbproof-SmallHistogram-base"
          d={`M0 ${HEIGHT + 0.5}h${WIDTH}`}
        />
      </svg>
      {last > 0 && (
        <div className="jp-nbproof-Paired-ends" aria-hidden="true">
          <span>{valueText(typed, paired.edges[0])}</span>
          <span>{valueText(typed, paired.edges[last])}</span>
        </div>
      )}
    </div>
  );
}

/** The same with axes and a readout; and as a table, for whoever does not see it. */
export function PairedPlot({
  name,
  paired,
  typed,
  trans
}: {
  name: string;
  paired: Paired;
  typed: Typed;
  trans: TranslationBundle;
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 240, 480);
  const [picked, setPicked] = useState<number | null>(null);
  const chart = useMemo(
    () =>
      pairedChart(paired, { width, height: CHART_HEIGHT }, value =>
        valueText(typed, value)
      ),
    [paired, typed, width]
  );
  const onPointerMove = (event: PointerEvent<SVGSVGElement>): void =>
    setPicked(
      chart.barAt(
        event.clientX - event.currentTarget.getBoundingClientRect().left
      )
    );
  const { frame } = chart;
  return (
    <div ref={box} className="jp-nbproof-Plot">
      <svg
        className="jp-nbproof-Paired"
        data-kind={paired.edges.length > 0 ? 'range' : 'values'}
        width={width}
        height={CHART_HEIGHT}
        role="img"
        aria-label={pairedWord(name, paired, typed, trans)}
        onPointerMove={onPointerMove}
        onPointerLeave={() => setPicked(null)}
      >
        <Axes frame={frame} xTicks={chart.xTicks} yTicks={chart.yTicks} />
        {picked !== null && (
          <rect
            className="jp-nbproof-Paired-picked"
            x={chart.bars[picked].left}
            width={chart.bars[picked].width}
            y={frame.top}
            height={frame.bottom - frame.top}
          />
        )}
        <path className="jp-nbproof-Paired-before" d={chart.before} />
        <path className="jp-nbproof-Paired-now" d={chart.now} />
        <path className="jp-nbproof-Paired-line" d={chart.outline} />
      </svg>
      <p className="jp-nbproof-Plot-note" aria-live="polite">
        {picked === null
          ? trans.__('Share of the rows that have a value')
          : trans.__(
              '%1: %2 before, %3 now',
              barWord(paired, typed, picked, trans),
              partText(paired.before[picked]),
              partText(paired.now[picked])
            )}
      </p>
    </div>
  );
}

/** Which mark stands for which version, and how many rows that has. */
export function PairedLegend({
  before,
  now,
  beforeRows,
  nowRows,
  trans
}: {
  before: string;
  now: string;
  beforeRows: number;
  nowRows: number;
  trans: TranslationBundle;
}): JSX.Element {
  const rows = (count: number): string =>
    trans._n('%2 row', '%2 rows', count, countText(count));
  return (
    <ul className="jp-nbproof-Paired-legend" aria-label={trans.__('Legend')}>
      <li>
        <svg width={16} height={12} viewBox="0 0 16 12" aria-hidden="true">
          <path className="jp-nbproof-Paired-before" d="M0 12V2h16v10z" />
        </svg>
        <span>
          {trans.__('Before: %1', before)}{' '}
          <span className="jp-nbproof-dim">{rows(beforeRows)}</span>
        </span>
      </li>
      <li>
        <svg
          className="jp-nbproof-Paired"
          data-kind="range"
          width={16}
          height={12}
          viewBox="0 0 16 12"
          aria-hidden="true"
        >
          <path className="jp-nbproof-Paired-now" d="M1 12V2h14v10z" />
          <path className="jp-nbproof-Paired-line" d="M1 12V2h14v10" />
        </svg>
        <span>
          {trans.__('Now: %1', now)}{' '}
          <span className="jp-nbproof-dim">{rows(nowRows)}</span>
        </span>
      </li>
    </ul>
  );
}

function barWord(
  { edges, labels }: Paired,
  typed: Typed,
  at: number,
  trans: TranslationBundle
): string {
  return edges.length > 0
    ? trans.__(
        'from %1 to %2',
        valueText(typed, edges[at]),
        valueText(typed, edges[at + 1])
      )
    : trans.__('“%1”', labels[at]);
}

/** Where most rows were and are. */
function pairedWord(
  name: string,
  paired: Paired,
  typed: Typed,
  trans: TranslationBundle
): string {
  const highest = (shares: readonly number[]): number =>
    shares.indexOf(Math.max(...shares));
  const [was, is] = [highest(paired.before), highest(paired.now)];
  return trans.__(
    '%1: before most rows %2 (%3); now %4 (%5)',
    name,
    barWord(paired, typed, was, trans),
    partText(paired.before[was]),
    barWord(paired, typed, is, trans),
    partText(paired.now[is])
  );
}
