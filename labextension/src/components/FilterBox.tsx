import type { TranslationBundle } from '@jupyterlab/translation';
import {
  JSX,
  KeyboardEvent,
  RefObject,
  useId,
  useLayoutEffect,
  useRef,
  useState
} from 'react';

import { excerpt } from '../figures/excerpt';
import type { Completion, Option } from '../figures/search';
import { Problem, problemColumn } from '../services/problem';
import { useDraft } from './useDraft';

const EXAMPLE = 'metrics.auc > 0.9 order by metrics.auc desc';

/** Where runs are searched for, with what the server found wrong standing right below. */
export function FilterBox(props: FilterBox.IProps): JSX.Element {
  const { problem, isBusy, inputRef, trans } = props;
  const problemId = useId();
  const listId = useId();
  const [query, change] = useDraft(props.query, props.onChange);
  const [caret, setCaret] = useState<number | null>(null);
  const [chosen, setChosen] = useState(-1);
  // Where the caret goes in a text that a completion wrote.
  const written = useRef<number | null>(null);
  useLayoutEffect(() => {
    const place = written.current;
    if (place !== null) {
      written.current = null;
      inputRef.current?.setSelectionRange(place, place);
      inputRef.current?.focus();
    }
  });
  const completion =
    caret === null ? null : (props.complete?.(query, caret) ?? null);
  const options = completion?.options ?? [];
  const close = (): void => {
    setCaret(null);
    setChosen(-1);
  };
  const accept = (option: Option): void => {
    if (completion === null) {
      return;
    }
    const before = query.slice(0, completion.from) + option.insert;
    const after = query.slice(completion.to).replace(/^ /, '');
    written.current = before.length;
    setCaret(before.length);
    setChosen(-1);
    change(before + after);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (options.length > 0 && isListKey(event, chosen)) {
      event.preventDefault();
      event.stopPropagation();
      if (event.key === 'Escape') {
        close();
      } else if (event.key === 'ArrowDown') {
        setChosen((chosen + 1) % options.length);
      } else if (event.key === 'ArrowUp') {
        setChosen(chosen <= 0 ? options.length - 1 : chosen - 1);
      } else {
        accept(options[Math.max(0, chosen)]);
      }
      return;
    }
    if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      if (query === '') {
        props.onLeave();
      } else {
        change('');
      }
    } else if (event.key === 'Enter') {
      event.preventDefault();
      close();
      props.onSubmit();
    } else if (event.key === 'ArrowDown') {
      event.preventDefault();
      close();
      props.onLeave();
    }
  };
  const completes = props.complete !== undefined;
  return (
    <div className="jp-nbproof-Filter" role="search">
      <input
        ref={inputRef}
        type="text"
        className="jp-mod-styled jp-nbproof-Filter-input"
        data-busy={isBusy}
        value={query}
        placeholder={EXAMPLE}
        spellCheck={false}
        autoComplete="off"
        aria-label={trans.__('Filter runs')}
        aria-invalid={problem !== null}
        aria-describedby={problem === null ? undefined : problemId}
        role={completes ? 'combobox' : undefined}
        aria-autocomplete={completes ? 'list' : undefined}
        aria-expanded={completes ? options.length > 0 : undefined}
        aria-controls={completes ? listId : undefined}
        aria-activedescendant={
          chosen >= 0 && chosen < options.length
            ? `${listId}-${chosen}`
            : undefined
        }
        title={trans.__(
          'Filter by metrics, params, tags, name, status or experiment, for instance: %1',
          'metrics.auc > 0.9 and params.model = "xgb" order by metrics.auc desc'
        )}
        onChange={event => {
          setChosen(-1);
          setCaret(event.target.selectionStart);
          change(event.target.value);
        }}
        onBlur={close}
        onClick={event => {
          if (completes) {
            setCaret(event.currentTarget.selectionStart);
          }
        }}
        onKeyDown={onKeyDown}
      />
      {options.length > 0 && (
        <div
          id={listId}
          className="jp-nbproof-Options"
          role="listbox"
          aria-label={trans.__('What may come next')}
        >
          {options.map((option, index) => (
            <div
              key={option.label}
              id={`${listId}-${index}`}
              className="jp-nbproof-Options-one"
              role="option"
              tabIndex={-1}
              aria-selected={index === chosen}
              data-kind={option.kind}
              // A click would take the focus first, and the list with it.
              onMouseDown={event => {
                event.preventDefault();
                accept(option);
              }}
            >
              {option.label}
            </div>
          ))}
        </div>
      )}
      {query !== '' && (
        <button
          type="button"
          className="jp-nbproof-IconButton jp-nbproof-Filter-clear"
          aria-label={trans.__('Clear the filter')}
          title={trans.__('Clear the filter (Escape)')}
          onClick={() => {
            change('');
            inputRef.current?.focus();
          }}
        >
          <svg width={10} height={10} viewBox="0 0 10 10" aria-hidden="true">
            <path d="M1.5 1.5l7 7m0-7l-7 7" />
          </svg>
        </button>
      )}
      {problem !== null && options.length === 0 && (
        <div id={problemId} className="jp-nbproof-Filter-problem" role="alert">
          <Place query={query} column={problemColumn(problem)} />
          <div className="jp-nbproof-Filter-message">{problem.message}</div>
          {problem.hint !== null && (
            <div className="jp-nbproof-Filter-hint">{problem.hint}</div>
          )}
        </div>
      )}
    </div>
  );
}

export namespace FilterBox {
  export interface IProps {
    query: string;
    problem: Problem | null;
    isBusy: boolean;
    inputRef: RefObject<HTMLInputElement>;
    trans: TranslationBundle;
    onChange: (query: string) => void;
    onSubmit: () => void;
    /** The keyboard goes on to the list. */
    onLeave: () => void;
    /** What may stand at a place of the text; without it nothing is offered. */
    complete?: (query: string, caret: number) => Completion;
  }
}

/** Keys that belong to the list of what may come next, as long as it is open. */
function isListKey(event: KeyboardEvent, chosen: number): boolean {
  switch (event.key) {
    case 'Escape':
    case 'ArrowDown':
    case 'ArrowUp':
      return true;
    case 'Tab':
      return !event.shiftKey;
    case 'Enter':
      // Without a choice, Enter asks.
      return chosen >= 0;
    default:
      return false;
  }
}

/** The part of the text at which the server stumbled, with a mark under it. */
function Place({
  query,
  column
}: {
  query: string;
  column: number | null;
}): JSX.Element | null {
  if (column === null) {
    return null;
  }
  const { before, at, after } = excerpt(query, column, 18);
  return (
    <code className="jp-nbproof-Filter-place" aria-hidden="true">
      {before}
      <mark>{at === '' ? '\u00a0' : at}</mark>
      {after}
    </code>
  );
}
