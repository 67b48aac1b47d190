import type { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownIcon,
  caretUpIcon,
  closeIcon
} from '@jupyterlab/ui-components';
import { JSX, useEffect, useId, useRef, useState } from 'react';

import {
  ATTRIBUTES,
  Column,
  ColumnGroup,
  columnOf,
  Known,
  moved
} from '../figures/columns';
import { columnWord, groupWord } from './cells';
import { dropSide, useReorder } from './useReorder';

/** Names shown of each kind before one has to search. */
const MOST = 60;

/** Which columns the table has, and in which order. */
export function ColumnPicker(props: ColumnPicker.IProps): JSX.Element {
  const { columns, known, trans, onChange } = props;
  const [find, setFind] = useState('');
  const box = useRef<HTMLInputElement>(null);
  const titleId = useId();
  useEffect(() => box.current?.focus(), []);
  const keys = columns.map(column => column.key);
  const toggle = (key: string): void =>
    onChange(
      keys.includes(key) ? keys.filter(one => one !== key) : [...keys, key]
    );
  const chosen = useRef<HTMLOListElement>(null);
  const move = (from: number, to: number): void =>
    onChange(moved(keys, from, to));
  const { moving, handlers } = useReorder({
    axis: 'y',
    items: 'li[data-column]',
    scroller: chosen,
    onMove: move
  });
  const sections: readonly (readonly [ColumnGroup, readonly string[]])[] = [
    ['metrics', known.metrics],
    ['params', known.params],
    ['tags', known.tags],
    ['run', ATTRIBUTES]
  ];
  return (
    // Escape closes it, wherever in it the focus is.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <div
      className="jp-nbproof-Picker"
      role="dialog"
      tabIndex={-1}
      aria-labelledby={titleId}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.preventDefault();
          event.stopPropagation();
          props.onClose();
        }
      }}
    >
      <div className="jp-nbproof-Picker-head">
        <h2 id={titleId}>{trans.__('Columns')}</h2>
        <button
          type="button"
          className="jp-nbproof-LinkButton"
          onClick={() => onChange(null)}
        >
          {trans.__('Reset')}
        </button>
        <button
          type="button"
          className="jp-nbproof-IconButton"
          aria-label={trans.__('Close')}
          title={trans.__('Close (Escape)')}
          onClick={props.onClose}
        >
          <closeIcon.react tag="span" />
        </button>
      </div>
      <div className="jp-nbproof-Picker-columns">
        <div className="jp-nbproof-Picker-all">
          <input
            ref={box}
            type="search"
            className="jp-mod-styled jp-nbproof-Input"
            placeholder={trans.__('Find a column')}
            aria-label={trans.__('Find a column')}
            value={find}
            onChange={event => setFind(event.target.value)}
          />
          <div className="jp-nbproof-Picker-list">
            {sections.map(([group, names]) => (
              <Section
                key={group}
                group={group}
                names={names}
                find={find.trim().toLowerCase()}
                chosen={keys}
                onToggle={toggle}
                trans={trans}
              />
            ))}
          </div>
        </div>
        <ol
          {...handlers}
          ref={chosen}
          className="jp-nbproof-Picker-chosen"
          data-moving={moving !== null || undefined}
          aria-label={trans.__('Chosen columns, in their order')}
        >
          {columns.length === 0 && (
            <li className="jp-nbproof-dim">{trans.__('No columns chosen')}</li>
          )}
          {columns.map((column, index) => {
            const word = columnWord(column, trans);
            return (
              <li
                key={column.key}
                data-column={column.key}
                data-moved={moving?.from === index || undefined}
                data-drop={dropSide(moving, index, columns.length)}
              >
                <span className="jp-nbproof-Picker-word" title={column.key}>
                  {word}{' '}
                  <span className="jp-nbproof-dim">
                    {groupWord(column.group, trans)}
                  </span>
                </span>
                <IconButton
                  icon={caretUpIcon}
                  label={trans.__('Move %1 to the left', word)}
                  disabled={index === 0}
                  onClick={() => move(index, index - 1)}
                />
                <IconButton
                  icon={caretDownIcon}
                  label={trans.__('Move %1 to the right', word)}
                  disabled={index === columns.length - 1}
                  onClick={() => move(index, index + 1)}
                />
                <IconButton
                  icon={closeIcon}
                  label={trans.__('Remove %1', word)}
                  onClick={() => toggle(column.key)}
                />
              </li>
            );
          })}
        </ol>
      </div>
    </div>
  );
}

export namespace ColumnPicker {
  export interface IProps {
    columns: readonly Column[];
    known: Known;
    trans: TranslationBundle;
    /** Null: as at first. */
    onChange: (keys: readonly string[] | null) => void;
    onClose: () => void;
  }
}

function Section(props: {
  group: ColumnGroup;
  names: readonly string[];
  find: string;
  chosen: readonly string[];
  onToggle: (key: string) => void;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { group, find, chosen, trans } = props;
  const columns = props.names.flatMap(name => {
    const column = columnOf(`${group}.${name}`);
    return column !== null &&
      (columnWord(column, trans).toLowerCase().includes(find) ||
        column.key.toLowerCase().includes(find))
      ? column
      : [];
  });
  if (columns.length === 0) {
    return null;
  }
  return (
    <fieldset className="jp-nbproof-Picker-group">
      <legend>{groupWord(group, trans)}</legend>
      {columns.slice(0, MOST).map(column => (
        <label key={column.key}>
          <input
            type="checkbox"
            checked={chosen.includes(column.key)}
            onChange={() => props.onToggle(column.key)}
          />
          <span title={column.name}>{columnWord(column, trans)}</span>
        </label>
      ))}
      {columns.length > MOST && (
        <p className="jp-nbproof-dim">
          {trans.__('%1 more: search for them', columns.length - MOST)}
        </p>
      )}
    </fieldset>
  );
}

function IconButton({
  icon: Icon,
  label,
  disabled = false,
  onClick
}: {
  icon: typeof closeIcon;
  label: string;
  disabled?: boolean;
  onClick: () => void;
}): JSX.Element {
  return (
    <button
      type="button"
      className="jp-nbproof-IconButton"
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon.react tag="span" />
    </button>
  );
}
