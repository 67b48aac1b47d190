import { RefObject, useEffect, useState } from 'react';

/** How wide an element is, now and whenever that changes. */
export function useWidth(
  box: RefObject<HTMLElement>,
  least: number,
  first: number
): number {
  const [width, setWidth] = useState(first);
  useEffect(() => {
    const element = box.current;
    if (element === null) {
      return undefined;
    }
    const observer = new ResizeObserver(() =>
      setWidth(Math.max(least, element.clientWidth))
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [box, least]);
  return width;
}

/** Plots with a mark a run: as tall as the page lets them be, within reason. */
const LEAST_HEIGHT = 300;
const MOST_HEIGHT = 640;

/** How tall a plot can be, so that it and a line below it fit into what scrolls around it. */
export function usePlotHeight(box: RefObject<HTMLElement>): number {
  const [height, setHeight] = useState(380);
  useEffect(() => {
    const scroller = box.current?.closest<HTMLElement>(
      '.jp-nbproof-Charts-body'
    );
    if (!scroller) {
      return undefined;
    }
    const observer = new ResizeObserver(() => {
      const top =
        (box.current?.getBoundingClientRect().top ?? 0) -
        scroller.getBoundingClientRect().top +
        scroller.scrollTop;
      const room = scroller.clientHeight - top - 48;
      setHeight(Math.min(MOST_HEIGHT, Math.max(LEAST_HEIGHT, room)));
    });
    observer.observe(scroller);
    return () => observer.disconnect();
  }, [box]);
  return height;
}
