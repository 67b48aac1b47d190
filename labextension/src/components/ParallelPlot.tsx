import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, PointerEvent, useMemo, useRef, useState } from 'react';

import type { Column } from '../figures/columns';
import { shortened } from '../figures/numbers';
import type { Look } from '../figures/palette';
import { Brushes, ParallelAxis, parallelOf } from '../figures/plots';
import type { Run } from '../services/api';
import { columnWord } from './cells';
import { usePlotHeight, useWidth } from './useWidth';

/** Narrower axes than this could not be told apart: the plot is scrolled instead. */
const LEAST_ROOM = 110;
/** A drag shorter than this takes the range away. */
const LEAST_DRAG = 5;

/** Each run is a line through its params and metrics; a range drawn on an axis keeps those inside. */
export function ParallelPlot(props: ParallelPlot.IProps): JSX.Element {
  const { runs, columns, looks, trans } = props;
  const box = useRef<HTMLDivElement>(null);
  const room = useWidth(box, 300, 640);
  const height = usePlotHeight(box);
  const width = Math.max(room, (columns.length + 1) * LEAST_ROOM);
  const [brushes, setBrushes] = useState<Brushes>({});
  const [picked, setPicked] = useState<string | null>(null);
  const plot = useMemo(
    () => parallelOf(runs, columns, brushes, { width, height }),
    [runs, columns, brushes, width, height]
  );
  const inside = plot.lines.filter(line => line.isIn);
  const shown = plot.lines.find(line => line.run.id === picked)?.run ?? null;
  const setBrush = (key: string, range: [number, number] | null): void => {
    const { [key]: _, ...rest } = brushes;
    setBrushes(range === null ? rest : { ...rest, [key]: range });
  };
  if (columns.length < 2) {
    return (
      <p className="jp-nbproof-dim">
        {trans.__('The runs have no two params or metrics that differ.')}
      </p>
    );
  }
  return (
    <div ref={box} className="jp-nbproof-Plot jp-nbproof-Parallel">
      <div className="jp-nbproof-Plot-scroll">
        <svg
          width={width}
          height={height}
          role="img"
          aria-label={trans.__(
            'Parallel coordinates of %1 runs over %2',
            runs.length,
            columns.map(column => columnWord(column, trans)).join(', ')
          )}
          onPointerLeave={() => setPicked(null)}
        >
          {[...plot.lines]
            .sort(
              (a, b) =>
                Number(a.isIn) - Number(b.isIn) ||
                Number(looks.has(a.run.id)) - Number(looks.has(b.run.id))
            )
            .map(({ run, path, isIn }) => (
              <path
                key={run.id}
                className="jp-nbproof-Parallel-line"
                data-colour={looks.get(run.id)?.colour}
                data-in={isIn}
                data-picked={run.id === picked || undefined}
                d={path}
                onPointerEnter={() => setPicked(run.id)}
                onDoubleClick={() => props.onOpen(run)}
              />
            ))}
          {plot.axes.map(axis => (
            <Axis
              key={axis.measure.column.key}
              axis={axis}
              top={plot.top}
              bottom={plot.bottom}
              range={brushes[axis.measure.column.key] ?? null}
              word={columnWord(axis.measure.column, trans)}
              trans={trans}
              onBrush={range => setBrush(axis.measure.column.key, range)}
            />
          ))}
        </svg>
      </div>
      <p className="jp-nbproof-Plot-note" aria-live="polite">
        {shown === null
          ? Object.keys(brushes).length === 0
            ? trans.__('Drag along an axis to keep the runs inside.')
            : trans.__(
                '%1 of %2 runs inside: %3',
                inside.length,
                runs.length,
                inside
                  .slice(0, 8)
                  .map(line => line.run.name)
                  .join(', ')
              )
          : `${shown.name}: ${plot.axes
              .map(
                ({ measure }) =>
                  `${columnWord(measure.column, trans)} ${measure.format(measure.valueOf(shown))}`
              )
              .join(' · ')}`}
      </p>
    </div>
  );
}

export namespace ParallelPlot {
  export interface IProps {
    runs: readonly Run[];
    columns: readonly Column[];
    looks: ReadonlyMap<string, Look>;
    trans: TranslationBundle;
    onOpen: (run: Run) => void;
  }
}

function Axis(props: {
  axis: ParallelAxis;
  top: number;
  bottom: number;
  range: readonly [number, number] | null;
  word: string;
  trans: TranslationBundle;
  onBrush: (range: [number, number] | null) => void;
}): JSX.Element {
  const { axis, top, bottom, range, word, trans } = props;
  const [drag, setDrag] = useState<readonly [number, number] | null>(null);
  const topOf = (event: PointerEvent<SVGRectElement>): number => {
    const box = event.currentTarget.ownerSVGElement?.getBoundingClientRect();
    return Math.min(bottom, Math.max(top, event.clientY - (box?.top ?? 0)));
  };
  const high = bottom - top;
  const first = axis.valueAt(bottom);
  const whole = axis.valueAt(top) - first;
  const marks =
    drag ??
    (range === null
      ? null
      : range.map(value => bottom - ((value - first) / whole) * high));
  return (
    <g>
      <text
        className="jp-nbproof-Parallel-word"
        x={axis.x}
        y={16}
        textAnchor="middle"
      >
        <title>{axis.measure.column.key}</title>
        {shortened(word, 16)}
      </text>
      <path
        className="jp-nbproof-Chart-axis"
        d={`M${axis.x} ${top}V${bottom}`}
      />
      {axis.ticks.map(tick => (
        <text
          key={tick.value}
          className="jp-nbproof-Chart-tick jp-nbproof-Parallel-tick"
          x={axis.x + 5}
          y={tick.at}
          dy="0.32em"
        >
          {shortened(tick.label, 14)}
        </text>
      ))}
      {marks !== null && (
        <rect
          className="jp-nbproof-Parallel-range"
          x={axis.x - 6}
          y={Math.min(...marks)}
          width={12}
          height={Math.abs(marks[1] - marks[0])}
        />
      )}
      <rect
        className="jp-nbproof-Parallel-handle"
        role="slider"
        tabIndex={0}
        aria-orientation="vertical"
        aria-label={trans.__(
          'Range of %1: arrows set its lower end, with Shift its upper one; Delete takes it away',
          word
        )}
        aria-valuemin={first}
        aria-valuemax={first + whole}
        aria-valuenow={range?.[0] ?? first}
        aria-valuetext={
          range === null
            ? trans.__('all')
            : trans.__(
                '%1 to %2',
                axis.measure.format(range[0]),
                axis.measure.format(range[1])
              )
        }
        onKeyDown={event => {
          const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
          if (by !== undefined) {
            const step = (by * whole) / 20;
            const [low, up] = range ?? [first, first + whole];
            props.onBrush(
              event.shiftKey
                ? [low, Math.max(low, Math.min(first + whole, up + step))]
                : [Math.min(up, Math.max(first, low + step)), up]
            );
          } else if (event.key === 'Delete' || event.key === 'Escape') {
            if (range === null) {
              return;
            }
            props.onBrush(null);
          } else {
            return;
          }
          event.preventDefault();
          event.stopPropagation();
        }}
        x={axis.x - 10}
        y={top}
        width={20}
        height={high}
        onPointerDown={event => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag([topOf(event), topOf(event)]);
        }}
        onPointerMove={event => {
          if (drag !== null) {
            setDrag([drag[0], topOf(event)]);
          }
        }}
        onPointerUp={() => {
          if (drag !== null) {
            const [from, to] = drag.map(axis.valueAt).sort((a, b) => a - b);
            props.onBrush(
              Math.abs(drag[1] - drag[0]) < LEAST_DRAG ? null : [from, to]
            );
          }
          setDrag(null);
        }}
      />
    </g>
  );
}
