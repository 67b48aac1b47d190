import type { ReadonlyJSONValue } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';
import { JSX, useMemo } from 'react';

import { Rendered } from './Rendered';

/** Data as JupyterLab draws it: a figure, or a tree that unfolds; else as text. */
export function RenderedData({
  type,
  data,
  text,
  render
}: RenderedData.IProps): JSX.Element {
  const make = useMemo(
    () => render?.(type, data) ?? null,
    [render, type, data]
  );
  return make === null ? (
    <pre className="jp-nbproof-Preview-text">{text}</pre>
  ) : (
    <Rendered className="jp-nbproof-Preview-data" make={make} />
  );
}

export namespace RenderedData {
  /** What makes a widget that shows some data of a media type; null where nothing here can draw it. */
  export type Render = (
    type: string,
    data: ReadonlyJSONValue
  ) => (() => Widget) | null;

  export interface IProps {
    type: string;
    data: ReadonlyJSONValue;
    text: string;
    render: Render | null;
  }
}
