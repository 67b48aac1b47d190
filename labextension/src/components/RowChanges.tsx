import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSX, ReactNode } from 'react';

import { cellText, changedColumns } from '../figures/compared';
import { countText } from '../figures/dataset';
import { formatBytes } from '../figures/numbers';
import type { ChangedRow, DatasetDiff } from '../services/api';

/** Columns that a table of examples has room for. */
const MOST_COLUMNS = 8;
const MOST_FILES = 200;

/** Which rows, or files, are new, gone or other ones, with the first of each. */
export function RowChanges({
  diff,
  trans
}: {
  diff: DatasetDiff;
  trans: TranslationBundle;
}): JSX.Element {
  if (diff.kind === 'folder') {
    return <FileChanges diff={diff} trans={trans} />;
  }
  const {
    rows_added: added,
    rows_removed: removed,
    rows_changed: changed
  } = diff;
  return (
    <>
      {added !== null && removed !== null && changed !== null && (
        <Counts
          counts={[
            [trans.__('added'), added, 'added'],
            [trans.__('removed'), removed, 'removed'],
            [trans.__('changed'), changed, 'changed']
          ]}
          note={
            diff.key.length > 0
              ? trans.__('Rows are matched by %1.', diff.key.join(', '))
              : trans.__(
                  'Rows are compared by all they hold; one that is gone and a new one at its place, with half of their values equal, count as one that changed.'
                )
          }
        />
      )}
      {diff.notes.map(note => (
        <p key={note} className="jp-nbproof-dim">
          {capital(note)}.
        </p>
      ))}
      {diff.changes.length > 0 && (
        <Examples
          isOpen={true}
          title={someOf(
            trans.__('Changed rows'),
            diff.changes.length,
            changed,
            trans
          )}
        >
          <ChangedRows diff={diff} trans={trans} />
        </Examples>
      )}
      {diff.added.length > 0 && (
        <Examples
          title={someOf(trans.__('New rows'), diff.added.length, added, trans)}
        >
          <PlainRows rows={diff.added} trans={trans} />
        </Examples>
      )}
      {diff.removed.length > 0 && (
        <Examples
          title={someOf(
            trans.__('Rows that are gone'),
            diff.removed.length,
            removed,
            trans
          )}
        >
          <PlainRows rows={diff.removed} trans={trans} />
        </Examples>
      )}
    </>
  );
}

function Counts({
  counts,
  note
}: {
  counts: readonly (readonly [string, number, string])[];
  note?: string;
}): JSX.Element {
  return (
    <>
      <dl className="jp-nbproof-Counts">
        {counts.map(([word, count, kind]) => (
          <div key={kind} data-kind={kind} data-none={count === 0 || undefined}>
            <dt>{word}</dt>
            <dd>{countText(count)}</dd>
          </div>
        ))}
      </dl>
      {note !== undefined && <p className="jp-nbproof-dim">{note}</p>}
    </>
  );
}

/** A table that scrolls by itself, below a heading that folds it. */
function Examples({
  title,
  isOpen = false,
  children
}: {
  title: string;
  isOpen?: boolean;
  children: ReactNode;
}): JSX.Element {
  return (
    <details className="jp-nbproof-Examples" open={isOpen}>
      <summary>{title}</summary>
      <div
        className="jp-nbproof-Stats-scroll"
        // A wide table scrolls by itself, with the keyboard too.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        role="group"
        aria-label={title}
      >
        {children}
      </div>
    </details>
  );
}

/** The key of each, and what its values were and are. */
function ChangedRows({
  diff: { changes, key },
  trans
}: {
  diff: DatasetDiff;
  trans: TranslationBundle;
}): JSX.Element {
  const all = changedColumns(changes);
  const shown = all.slice(0, MOST_COLUMNS);
  const keyOf = (row: ChangedRow, name: string): unknown =>
    (row.key as Record<string, unknown> | null)?.[name];
  return (
    <>
      <table className="jp-nbproof-Stats jp-nbproof-Rows">
        <thead>
          <tr>
            {key.length === 0 && <th scope="col">{trans.__('Row')}</th>}
            {key.map(name => (
              <th key={name} scope="col">
                <bdi>{name}</bdi>
              </th>
            ))}
            {shown.map(name => (
              <th key={name} scope="col">
                <bdi>{name}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {changes.map(row => (
            <tr key={row.after}>
              {key.length === 0 && (
                <th scope="row" title={trans.__('Counted from 0')}>
                  {countText(row.after)}
                </th>
              )}
              {key.map(name => (
                <th key={name} scope="row">
                  <Cell value={keyOf(row, name)} />
                </th>
              ))}
              {shown.map(name => (
                <td key={name}>
                  {name in row.values ? (
                    <span className="jp-nbproof-Change">
                      <del>
                        <Cell value={row.values[name][0]} />
                      </del>
                      <span
                        className="jp-nbproof-dim"
                        role="img"
                        aria-label={trans.__('is now')}
                      >
                        →
                      </span>
                      <ins>
                        <Cell value={row.values[name][1]} />
                      </ins>
                    </span>
                  ) : (
                    <span className="jp-nbproof-dim">{trans.__('same')}</span>
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <More left={all.length - shown.length} trans={trans} />
    </>
  );
}

function PlainRows({
  rows,
  trans
}: {
  rows: readonly Readonly<Record<string, unknown>>[];
  trans: TranslationBundle;
}): JSX.Element {
  const all = Object.keys(rows[0]);
  const shown = all.slice(0, MOST_COLUMNS);
  return (
    <>
      <table className="jp-nbproof-Stats jp-nbproof-Rows">
        <thead>
          <tr>
            {shown.map(name => (
              <th key={name} scope="col">
                <bdi>{name}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {shown.map(name => (
                <td key={name}>
                  <Cell value={row[name]} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <More left={all.length - shown.length} trans={trans} />
    </>
  );
}

function Cell({ value }: { value: unknown }): JSX.Element {
  const text = cellText(value);
  return (
    <bdi
      className="jp-nbproof-Rows-cell"
      title={text}
      data-missing={value === null || value === undefined || undefined}
    >
      {text}
    </bdi>
  );
}

function More({
  left,
  trans
}: {
  left: number;
  trans: TranslationBundle;
}): JSX.Element | null {
  return left <= 0 ? null : (
    <p className="jp-nbproof-dim">
      {trans._n(
        'and %2 column more',
        'and %2 columns more',
        left,
        countText(left)
      )}
    </p>
  );
}

function FileChanges({
  diff,
  trans
}: {
  diff: DatasetDiff;
  trans: TranslationBundle;
}): JSX.Element {
  const size = (bytes: number | null): string =>
    bytes === null ? '–' : formatBytes(bytes);
  const all = diff.files_added + diff.files_removed + diff.files_changed;
  const shown = diff.files.slice(0, MOST_FILES);
  return (
    <>
      <Counts
        counts={[
          [trans.__('added'), diff.files_added, 'added'],
          [trans.__('removed'), diff.files_removed, 'removed'],
          [trans.__('changed'), diff.files_changed, 'changed']
        ]}
      />
      {shown.length > 0 && (
        <Examples
          isOpen={true}
          title={someOf(trans.__('Files'), shown.length, all, trans)}
        >
          <table className="jp-nbproof-Stats jp-nbproof-Rows">
            <thead>
              <tr>
                <th scope="col">{trans.__('File')}</th>
                <th scope="col">{trans.__('Change')}</th>
                <th scope="col">{trans.__('Before')}</th>
                <th scope="col">{trans.__('Now')}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map(file => (
                <tr key={file.path}>
                  <th scope="row">
                    <bdi title={file.path}>{file.path}</bdi>
                  </th>
                  <td>{changeWord(file.change, trans)}</td>
                  <td>{size(file.before_bytes)}</td>
                  <td>{size(file.after_bytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Examples>
      )}
    </>
  );
}

function changeWord(change: string, trans: TranslationBundle): string {
  switch (change) {
    case 'added':
      return trans.__('added');
    case 'removed':
      return trans.__('removed');
    default:
      return trans.__('changed');
  }
}

/** A title that says how many of how many are shown, where not all are. */
const someOf = (
  title: string,
  shown: number,
  all: number | null,
  trans: TranslationBundle
): string =>
  all === null || shown >= all
    ? title
    : trans.__('%1: the first %2 of %3', title, shown, countText(all));

const capital = (text: string): string =>
  text.charAt(0).toUpperCase() + text.slice(1);
