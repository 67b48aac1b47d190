import { Widget } from '@lumino/widgets';
import { JSX, useLayoutEffect, useRef } from 'react';

/** What somebody wrote about a run: as Markdown where that can be drawn, else as it is. */
export function Notes({ text, render }: Notes.IProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  // In the layout's turn: a widget is detached while its place is still in the page.
  useLayoutEffect(() => {
    const place = host.current;
    if (place === null || render === null) {
      return undefined;
    }
    const drawn = render(text);
    if (place.isConnected) {
      Widget.attach(drawn, place);
    } else {
      place.append(drawn.node);
    }
    return () => {
      drawn.dispose();
      drawn.node.remove();
    };
  }, [text, render]);
  return render === null ? (
    <div className="jp-nbproof-Notes jp-nbproof-Notes-plain">{text}</div>
  ) : (
    <div ref={host} className="jp-nbproof-Notes" />
  );
}

export namespace Notes {
  /** A widget that shows some Markdown; whoever asked for it disposes of it. */
  export type Render = (markdown: string) => Widget;

  export interface IProps {
    text: string;
    render: Render | null;
  }
}
