import type { TranslationBundle } from '@jupyterlab/translation';
import {
  JSX,
  KeyboardEvent,
  memo,
  PointerEvent,
  useMemo,
  useRef,
  useState
} from 'react';

import { formatNumber, formatShort } from '../figures/numbers';
import {
  Axis,
  axisLabel,
  nearestIndex,
  Overlay,
  overlayOf,
  panned,
  Range,
  Series,
  zoomed
} from '../figures/overlay';
import type { Look } from '../figures/palette';
import { useWidth } from './useWidth';

/** Dots at the ends of the axes are drawn whole. */
const DOT = 4;
/** A drag shorter than this is a click. */
const LEAST_DRAG = 6;
/** Runs named in the readout. */
const MOST_NAMED = 8;

/**
 * One metric of several runs: lines over each other, a readout of all of them, and a way to look closer.
 *
 * The pointer reads and, dragged, zooms; with Shift it moves along.  So do the arrow keys, plus and minus: to
 * assistive technology the chart is a slider along the axis whose value is said in words.
 */
export function OverlayChart(props: OverlayChart.IProps): JSX.Element {
  const { series, looks, names, axis, isLog, smoothing, zoom, trans } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 160, 360);
  const [x, setX] = useState<number | null>(null);
  const [drag, setDrag] = useState<readonly [number, number] | null>(null);
  // Where the pointer took hold of a zoomed chart, and what was in view then.
  const [held, setHeld] = useState<Held | null>(null);
  const { height } = props;
  const overlay = useMemo(
    () =>
      overlayOf(series, { axis, isLog, smoothing, zoom }, { width, height }),
    [series, axis, isLog, smoothing, zoom, width, height]
  );
  const { frame } = overlay;
  const readings = x === null ? [] : readingsAt(overlay, x, looks, names);
  const [low, high] = overlay.xRange;
  const span = (high - low) / (axis === 'time' ? 1000 : 1);

  const leftOf = (event: PointerEvent<HTMLDivElement>): number =>
    Math.min(
      frame.right,
      Math.max(
        frame.left,
        event.clientX - event.currentTarget.getBoundingClientRect().left
      )
    );
  const onPointerMove = (event: PointerEvent<HTMLDivElement>): void => {
    const left = leftOf(event);
    if (held !== null) {
      const perPixel =
        (held.zoom[1] - held.zoom[0]) / (frame.right - frame.left);
      props.onMove(
        panned(held.zoom, (held.left - left) * perPixel, overlay.whole)
      );
      return;
    }
    setX(overlay.xAt(left));
    if (drag !== null) {
      setDrag([drag[0], left]);
    }
  };
  const onPointerUp = (event: PointerEvent<HTMLDivElement>): void => {
    if (drag !== null && Math.abs(drag[1] - drag[0]) >= LEAST_DRAG) {
      const [from, to] = [...drag].sort((a, b) => a - b).map(overlay.xAt);
      props.onZoom([from, to]);
    }
    if (held !== null) {
      props.onZoom(zoom);
    }
    setDrag(null);
    setHeld(null);
    event.currentTarget.releasePointerCapture(event.pointerId);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const act = keyAction(event, overlay, x, setX, props);
    if (act) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  const said =
    readings.length === 0
      ? ''
      : trans.__(
          'at %1: %2',
          placeWord(readings[0].x, axis, span),
          readings
            .map(one => `${one.name} ${formatNumber(one.value)}`)
            .join(', ')
        );
  const middle = (frame.left + frame.right) / 2;
  const isRight = x !== null && overlay.leftOf(x) > middle;
  return (
    <div
      ref={box}
      className="jp-nbproof-Overlay"
      data-held={held !== null || undefined}
      role="slider"
      tabIndex={0}
      aria-label={props.label}
      aria-valuemin={low}
      aria-valuemax={high}
      aria-valuenow={x ?? high}
      aria-valuetext={said}
      onPointerMove={onPointerMove}
      onPointerLeave={() => {
        if (drag === null) {
          setX(null);
        }
      }}
      onPointerDown={event => {
        if (event.button === 0) {
          event.currentTarget.setPointerCapture(event.pointerId);
          if (event.shiftKey && zoom !== null) {
            setX(null);
            setHeld({ left: leftOf(event), zoom });
          } else {
            setDrag([leftOf(event), leftOf(event)]);
          }
        }
      }}
      onPointerUp={onPointerUp}
      onDoubleClick={() => props.onZoom(null)}
      onKeyDown={onKeyDown}
      onBlur={() => setX(null)}
    >
      <svg width={width} height={height} aria-hidden="true">
        <Lines overlay={overlay} looks={looks} />
        {drag !== null && (
          <rect
            className="jp-nbproof-Overlay-drag"
            x={Math.min(...drag)}
            y={frame.top}
            width={Math.abs(drag[1] - drag[0])}
            height={frame.bottom - frame.top}
          />
        )}
        {x !== null && readings.length > 0 && (
          <path
            className="jp-nbproof-Chart-cursor"
            d={`M${overlay.leftOf(readings[0].x)} ${frame.top}V${frame.bottom}`}
          />
        )}
        {readings.map(
          one =>
            Number.isFinite(one.top) && (
              <circle
                key={one.id}
                className="jp-nbproof-Overlay-dot"
                data-colour={one.look?.colour}
                cx={one.left}
                cy={one.top}
                r={3.5}
              />
            )
        )}
      </svg>
      {readings.length > 0 && (
        <div
          className="jp-nbproof-Readout"
          data-side={isRight ? 'left' : 'right'}
          aria-hidden="true"
        >
          <div className="jp-nbproof-Readout-at">
            {placeWord(readings[0].x, axis, span)}
          </div>
          {readings.slice(0, MOST_NAMED).map(one => (
            <div key={one.id} className="jp-nbproof-Readout-line">
              <svg width={10} height={10} data-colour={one.look?.colour}>
                <circle className="jp-nbproof-Swatch-dot" cx={5} cy={5} r={4} />
              </svg>
              <span className="jp-nbproof-Readout-name">{one.name}</span>
              <b>{formatShort(one.value)}</b>
            </div>
          ))}
          {readings.length > MOST_NAMED && (
            <div className="jp-nbproof-Readout-at">
              {trans.__('and %1 more', readings.length - MOST_NAMED)}
            </div>
          )}
        </div>
      )}
    </div>
  );
}

export namespace OverlayChart {
  export interface IProps {
    series: readonly Series[];
    looks: ReadonlyMap<string, Look>;
    names: ReadonlyMap<string, string>;
    axis: Axis;
    isLog: boolean;
    smoothing: number;
    zoom: Range | null;
    height: number;
    label: string;
    trans: TranslationBundle;
    onZoom: (zoom: Range | null) => void;
    /** It is moved along, and not let go of yet. */
    onMove: (zoom: Range) => void;
  }
}

interface Held {
  readonly left: number;
  readonly zoom: Range;
}

/** Axes and lines: drawn anew when they change, not when the pointer moves. */
const Lines = memo(function Lines({
  overlay,
  looks
}: {
  overlay: Overlay;
  looks: ReadonlyMap<string, Look>;
}): JSX.Element {
  const { frame } = overlay;
  return (
    <>
      {overlay.yTicks.map(tick => (
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
            {tick.label}
          </text>
        </g>
      ))}
      <path
        className="jp-nbproof-Chart-axis"
        d={`M${frame.left} ${frame.bottom}H${frame.right}`}
      />
      {overlay.xTicks.map(tick => (
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
            {tick.label}
          </text>
        </g>
      ))}
      <svg
        x={frame.left - DOT}
        y={0}
        width={frame.right - frame.left + 2 * DOT}
        height={frame.bottom + DOT}
        viewBox={`${frame.left - DOT} 0 ${frame.right - frame.left + 2 * DOT} ${frame.bottom + DOT}`}
      >
        {overlay.lines.map(
          line =>
            line.faint !== '' && (
              <path
                key={line.id}
                className="jp-nbproof-Overlay-faint"
                data-colour={looks.get(line.id)?.colour}
                d={line.faint}
              />
            )
        )}
        {overlay.lines.map(line => (
          <g
            key={line.id}
            data-colour={looks.get(line.id)?.colour}
            data-run={line.id}
          >
            <path
              className="jp-nbproof-Overlay-line"
              data-dash={looks.get(line.id)?.dash}
              d={line.path}
            />
            {line.hidden.map(index => (
              <path
                key={`hidden ${index}`}
                className="jp-nbproof-Chart-gap"
                d={`M${line.places[index].x} ${frame.bottom}v-5`}
              />
            ))}
            {line.alone.map(index => (
              <circle
                key={index}
                className="jp-nbproof-Overlay-dot"
                cx={line.places[index].x}
                cy={line.places[index].y}
                r={3}
              />
            ))}
          </g>
        ))}
      </svg>
    </>
  );
});

interface Reading {
  readonly id: string;
  readonly name: string;
  readonly look: Look | undefined;
  readonly x: number;
  readonly value: number;
  readonly left: number;
  readonly top: number;
}

/** What each line says nearest to a place, the greatest value first. */
function readingsAt(
  overlay: Overlay,
  x: number,
  looks: ReadonlyMap<string, Look>,
  names: ReadonlyMap<string, string>
): Reading[] {
  // All lines are read at one place: where the line nearest to the pointer has a point.
  let at = x;
  let gap = Infinity;
  for (const line of overlay.lines) {
    const index = nearestIndex(line.xs, x);
    if (index >= 0 && Math.abs(line.xs[index] - x) < gap) {
      gap = Math.abs(line.xs[index] - x);
      at = line.xs[index];
    }
  }
  const reach = (overlay.xRange[1] - overlay.xRange[0]) * 0.05;
  return overlay.lines
    .flatMap(line => {
      const index = nearestIndex(line.xs, at);
      if (index < 0 || Math.abs(line.xs[index] - at) > reach) {
        return [];
      }
      return {
        id: line.id,
        name: names.get(line.id) ?? line.id,
        look: looks.get(line.id),
        x: at,
        value: line.values[index],
        left: line.places[index].x,
        top: line.places[index].y
      };
    })
    .sort((one, other) => other.value - one.value || 0);
}

function placeWord(x: number, axis: Axis, span: number): string {
  if (axis === 'time') {
    return new Date(x).toLocaleString(undefined, {
      dateStyle: 'medium',
      timeStyle: 'medium'
    });
  }
  return axis === 'step' ? formatNumber(x) : axisLabel(x, axis, span);
}

/** Do what a key asks for; false leaves it to others. */
function keyAction(
  event: KeyboardEvent,
  overlay: Overlay,
  x: number | null,
  setX: (x: number | null) => void,
  props: OverlayChart.IProps
): boolean {
  const [low, high] = overlay.xRange;
  const longest = overlay.lines.reduce<readonly number[]>(
    (most, line) => (line.xs.length > most.length ? line.xs : most),
    []
  );
  const index = nearestIndex(longest, x ?? high);
  const go = (to: number): boolean => {
    const place = longest.at(Math.min(longest.length - 1, Math.max(0, to)));
    setX(place ?? null);
    return true;
  };
  const leap = Math.max(1, Math.round(longest.length / 20));
  const near = x ?? (low + high) / 2;
  if (event.shiftKey && /^Arrow(Left|Right)$/.test(event.key)) {
    const by = ((high - low) / 4) * (event.key === 'ArrowLeft' ? -1 : 1);
    if (props.zoom !== null) {
      props.onZoom(panned(props.zoom, by, overlay.whole));
    }
    return true;
  }
  switch (event.key) {
    case 'ArrowLeft':
      return go(index - 1);
    case 'ArrowRight':
      return go(index + 1);
    case 'PageDown':
      return go(index - leap);
    case 'PageUp':
      return go(index + leap);
    case 'Home':
      return go(0);
    case 'End':
      return go(longest.length - 1);
    case '+':
    case '=':
      props.onZoom(zoomed([low, high], 1 / 2, near, overlay.whole));
      return true;
    case '-':
    case '_':
      props.onZoom(zoomed([low, high], 2, near, overlay.whole));
      return true;
    case 'Escape':
      if (props.zoom !== null || x !== null) {
        props.onZoom(null);
        setX(null);
        return true;
      }
      return false;
    default:
      return false;
  }
}
