import {
  JSX,
  KeyboardEvent,
  PointerEvent,
  useEffect,
  useMemo,
  useRef,
  useState
} from 'react';

import { Across, chartOf, Point } from '../figures/chart';
import { nearest } from '../figures/line';
import { formatShort } from '../figures/numbers';

const HEIGHT = 168;

/**
 * One metric's course: axes, a line broken where it was not a number, and a readout.
 *
 * The readout follows the pointer, and the arrow keys: to assistive technology the chart is a
 * slider along its points whose value is said in words.
 */
export function LineChart(props: LineChart.IProps): JSX.Element {
  const { points, across, isLog, picked, onPick } = props;
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(320);
  useEffect(() => {
    const element = box.current;
    if (element === null) {
      return undefined;
    }
    const observer = new ResizeObserver(() =>
      setWidth(Math.max(160, element.clientWidth))
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const chart = useMemo(
    () => chartOf(points, across, isLog, { width, height: HEIGHT }),
    [points, across, isLog, width]
  );
  const { frame } = chart;
  const at = picked === null ? undefined : chart.places[picked];
  const last = points.length - 1;

  const onPointerMove = (event: PointerEvent<HTMLDivElement>): void => {
    const left = event.currentTarget.getBoundingClientRect().left;
    const index = nearest(chart.places, event.clientX - left);
    onPick(index < 0 ? null : index);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = nextPicked(event.key, picked, last);
    if (next !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      onPick(next);
    }
  };

  return (
    <div
      ref={box}
      className="jp-nbproof-Chart"
      role="slider"
      tabIndex={0}
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={Math.max(0, last)}
      aria-valuenow={picked ?? Math.max(0, last)}
      aria-valuetext={props.readout}
      onPointerMove={onPointerMove}
      onPointerLeave={() => onPick(null)}
      onKeyDown={onKeyDown}
      onBlur={() => onPick(null)}
    >
      <svg width={width} height={HEIGHT} aria-hidden="true">
        {chart.yTicks.map(tick => (
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
              {formatShort(tick.value)}
            </text>
          </g>
        ))}
        <path
          className="jp-nbproof-Chart-axis"
          d={`M${frame.left} ${frame.bottom}H${frame.right}`}
        />
        {chart.xTicks.map(tick => (
          <g key={tick.value}>
            <path
              className="jp-nbproof-Chart-axis"
              d={`M${tick.at} ${frame.bottom}v3`}
            />
            <text
              className="jp-nbproof-Chart-tick"
              x={tick.at}
              y={frame.bottom + 15}
              textAnchor="middle"
            >
              {across === 'time'
                ? `${formatShort(tick.value)} s`
                : formatShort(tick.value)}
            </text>
          </g>
        ))}
        <path className="jp-nbproof-Chart-line" d={chart.path} />
        {chart.alone.map(index => (
          <circle
            key={index}
            className="jp-nbproof-Chart-dot"
            cx={chart.places[index].x}
            cy={chart.places[index].y}
            r={3}
          />
        ))}
        {chart.hidden.map(index => (
          <path
            key={index}
            className="jp-nbproof-Chart-gap"
            d={`M${chart.places[index].x} ${frame.bottom}v-5`}
          />
        ))}
        {at !== undefined && (
          <>
            <path
              className="jp-nbproof-Chart-cursor"
              d={`M${at.x} ${frame.top}V${frame.bottom}`}
            />
            {Number.isFinite(at.y) && (
              <circle
                className="jp-nbproof-Chart-dot"
                cx={at.x}
                cy={at.y}
                r={3.5}
              />
            )}
          </>
        )}
      </svg>
    </div>
  );
}

export namespace LineChart {
  export interface IProps {
    points: readonly Point[];
    across: Across;
    isLog: boolean;
    label: string;
    /** The picked point (or the last) in words. */
    readout: string;
    picked: number | null;
    onPick: (index: number | null) => void;
  }
}

/** Where a key takes the cursor; undefined leaves the key to others. */
function nextPicked(
  key: string,
  picked: number | null,
  last: number
): number | null | undefined {
  const at = picked ?? last;
  const leap = Math.max(1, Math.round(last / 20));
  switch (key) {
    case 'ArrowLeft':
      return Math.max(0, at - 1);
    case 'ArrowRight':
      return Math.min(last, at + 1);
    case 'PageDown':
      return Math.max(0, at - leap);
    case 'PageUp':
      return Math.min(last, at + leap);
    case 'Home':
      return 0;
    case 'End':
      return last;
    case 'Escape':
      return picked === null ? undefined : null;
    default:
      return undefined;
  }
}
