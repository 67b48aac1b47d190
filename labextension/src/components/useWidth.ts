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
