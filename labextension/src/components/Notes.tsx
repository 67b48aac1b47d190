import type { Widget } from '@lumino/widgets';
import { JSX, useCallback } from 'react';

import { Rendered } from './Rendered';

/** What somebody wrote about a run: as Markdown where that can be drawn, else as it is. */
export function Notes({ text, render }: Notes.IProps): JSX.Element {
  return render === null ? (
    <div className="jp-nbproof-Notes jp-nbproof-Notes-plain">{text}</div>
  ) : (
    <Drawn text={text} render={render} />
  );
}

function Drawn({
  text,
  render
}: {
  text: string;
  render: Notes.Render;
}): JSX.Element {
  const make = useCallback(() => render(text), [render, text]);
  return <Rendered className="jp-nbproof-Notes" make={make} />;
}

export namespace Notes {
  /** A widget that shows some Markdown; whoever asked for it disposes of it. */
  export type Render = (markdown: string) => Widget;

  export interface IProps {
    text: string;
    render: Render | null;
  }
}
