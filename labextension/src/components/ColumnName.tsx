import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSX } from 'react';

/** The name of a column; of one without a name, that it has none. */
export function ColumnName({
  name,
  trans
}: {
  name: string;
  trans: TranslationBundle;
}): JSX.Element {
  return name.trim() === '' ? (
    <i className="jp-nbproof-dim">{trans.__('no name')}</i>
  ) : (
    <bdi title={name}>{name}</bdi>
  );
}
