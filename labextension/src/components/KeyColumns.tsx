import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, KeyboardEvent, useId, useState } from 'react';

import { Chip } from './Chip';

/** The columns that name a row: those chosen, each with a way to take it away, and a box for another. */
export function KeyColumns({
  columns,
  chosen,
  onChange,
  trans
}: {
  columns: readonly string[];
  chosen: readonly string[];
  onChange: (chosen: readonly string[]) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const id = useId();
  const [text, setText] = useState('');
  const add = (name: string): void => {
    if (columns.includes(name) && !chosen.includes(name)) {
      onChange([...chosen, name]);
      setText('');
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') {
      event.preventDefault();
      add(text);
    } else if (event.key === 'Backspace' && text === '' && chosen.length > 0) {
      onChange(chosen.slice(0, -1));
    }
  };
  return (
    <span className="jp-nbproof-Select jp-nbproof-KeyColumns">
      <label htmlFor={`${id}box`}>{trans.__('Rows match by')}</label>
      {chosen.map(name => (
        <Chip
          key={name}
          text={name}
          word={trans.__('Match no longer by %1', name)}
          onRemove={() => onChange(chosen.filter(one => one !== name))}
        />
      ))}
      <input
        id={`${id}box`}
        className="jp-mod-styled jp-nbproof-Input"
        list={`${id}list`}
        value={text}
        placeholder={
          chosen.length === 0
            ? trans.__('all they hold')
            : trans.__('another column')
        }
        title={trans.__(
          'Columns that name a row, such as an id. Without one, rows are equal if all they hold is.'
        )}
        spellCheck={false}
        autoComplete="off"
        onChange={event => {
          const { value } = event.target;
          // A choice from the list comes in one piece.
          if (columns.includes(value) && value.length > text.length + 1) {
            add(value);
          } else {
            setText(value);
          }
        }}
        onKeyDown={onKeyDown}
        onBlur={() => add(text)}
      />
      <datalist id={`${id}list`}>
        {columns
          .filter(name => !chosen.includes(name))
          .map(name => (
            <option key={name} value={name} />
          ))}
      </datalist>
    </span>
  );
}
