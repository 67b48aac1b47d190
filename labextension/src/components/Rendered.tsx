import { Widget } from '@lumino/widgets';
import { JSX, useLayoutEffect, useRef } from 'react';

/** A widget of JupyterLab's own in a page. */
export function Rendered({
  className,
  make
}: {
  className: string;
  /** A new one is made whenever this is another function; it is disposed of here. */
  make: () => Widget;
}): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  // In the layout's turn: a widget is detached while its place is still in the page.
  useLayoutEffect(() => {
    const place = host.current;
    if (place === null) {
      return undefined;
    }
    const drawn = make();
    if (place.isConnected) {
      Widget.attach(drawn, place);
    } else {
      place.append(drawn.node);
    }
    return () => {
      drawn.dispose();
      drawn.node.remove();
    };
  }, [make]);
  return <div ref={host} className={className} />;
}
