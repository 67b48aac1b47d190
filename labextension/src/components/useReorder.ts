import { MouseEvent, PointerEvent, RefObject, useRef, useState } from 'react';

/** A pointer that moves less than this clicks. */
const LEAST = 5;
/** So near to an end of what scrolls, it scrolls on. */
const EDGE = 36;

/** What is dragged, and before which of the others it would stand; the number of all is after the last. */
export interface Moving {
  readonly from: number;
  readonly gap: number;
}

/** Put things that stand beside or below each other into another order by dragging them. */
export function useReorder(options: {
  axis: 'x' | 'y';
  /** Finds the things in the box whose handlers these are, in their order. */
  items: string;
  /** What scrolls while something is dragged to its edge. */
  scroller?: RefObject<HTMLElement>;
  onMove: (from: number, to: number) => void;
}): {
  moving: Moving | null;
  handlers: {
    onPointerDown: (event: PointerEvent<HTMLElement>) => void;
    onPointerMove: (event: PointerEvent<HTMLElement>) => void;
    onPointerUp: (event: PointerEvent<HTMLElement>) => void;
    onPointerCancel: () => void;
    onClickCapture: (event: MouseEvent) => void;
  };
} {
  const { axis, items, scroller, onMove } = options;
  const [moving, setMoving] = useState<Moving | null>(null);
  const start = useRef<{ from: number; at: number } | null>(null);
  const hasMoved = useRef(false);
  const atOf = (event: PointerEvent): number =>
    axis === 'x' ? event.clientX : event.clientY;

  const gapOf = (box: HTMLElement, at: number): number =>
    [...box.querySelectorAll(items)].filter(item => {
      const { left, top, width, height } = item.getBoundingClientRect();
      return axis === 'x' ? left + width / 2 < at : top + height / 2 < at;
    }).length;

  const scrollAlong = (at: number): void => {
    const element = scroller?.current;
    if (!element) {
      return;
    }
    const { left, right, top, bottom } = element.getBoundingClientRect();
    const [low, high] = axis === 'x' ? [left, right] : [top, bottom];
    const by = at < low + EDGE ? -EDGE / 3 : at > high - EDGE ? EDGE / 3 : 0;
    element.scrollBy(axis === 'x' ? by : 0, axis === 'y' ? by : 0);
  };

  const stop = (): void => {
    start.current = null;
    setMoving(null);
  };

  return {
    moving,
    handlers: {
      onPointerDown: event => {
        hasMoved.current = false;
        const all = [...event.currentTarget.querySelectorAll(items)];
        const from = all.findIndex(
          item => event.target instanceof Node && item.contains(event.target)
        );
        if (event.button === 0 && from >= 0) {
          start.current = { from, at: atOf(event) };
        }
      },
      onPointerMove: event => {
        const began = start.current;
        if (began === null) {
          return;
        }
        const at = atOf(event);
        if (moving === null && Math.abs(at - began.at) < LEAST) {
          return;
        }
        if (moving === null) {
          hasMoved.current = true;
          event.currentTarget.setPointerCapture(event.pointerId);
        }
        scrollAlong(at);
        setMoving({ from: began.from, gap: gapOf(event.currentTarget, at) });
      },
      onPointerUp: () => {
        if (moving !== null) {
          const { from, gap } = moving;
          const to = gap > from ? gap - 1 : gap;
          if (to !== from) {
            onMove(from, to);
          }
        }
        stop();
      },
      onPointerCancel: stop,
      // What was dragged was not meant to be clicked.
      onClickCapture: event => {
        if (hasMoved.current) {
          hasMoved.current = false;
          event.preventDefault();
          event.stopPropagation();
        }
      }
    }
  };
}

/** At which side of a thing the dragged one would stand. */
export function dropSide(
  moving: Moving | null,
  index: number,
  count: number
): 'before' | 'after' | undefined {
  if (moving === null) {
    return undefined;
  }
  return moving.gap === index
    ? 'before'
    : moving.gap === count && index === count - 1
      ? 'after'
      : undefined;
}
