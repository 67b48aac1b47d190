import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, KeyboardEvent, RefObject, useId } from 'react';

import { excerpt } from '../figures/excerpt';
import { Problem, problemColumn } from '../services/problem';

const EXAMPLE = 'metrics.auc > 0.9 order by metrics.auc desc';

/** Where runs are searched for, with what the server found wrong standing right below. */
export function FilterBox(props: FilterBox.IProps): JSX.Element {
  const { query, problem, isBusy, inputRef, trans } = props;
  const problemId = useId();
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      if (query === '') {
        props.onLeave();
      } else {
        props.onChange('');
      }
    } else if (event.key === 'Enter') {
      event.preventDefault();
      props.onSubmit();
    } else if (event.key === 'ArrowDown') {
      event.preventDefault();
      props.onLeave();
    }
  };
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
        title={trans.__(
          'Filter by metrics, params, tags, name, status or experiment, for instance: %1',
          'metrics.auc > 0.9 and params.model = "xgb" order by metrics.auc desc'
        )}
        onChange={event => props.onChange(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {query !== '' && (
        <button
          type="button"
          className="jp-nbproof-IconButton jp-nbproof-Filter-clear"
          aria-label={trans.__('Clear the filter')}
          title={trans.__('Clear the filter (Escape)')}
          onClick={() => {
            props.onChange('');
            inputRef.current?.focus();
          }}
        >
          <svg width={10} height={10} viewBox="0 0 10 10" aria-hidden="true">
            <path d="M1.5 1.5l7 7m0-7l-7 7" />
          </svg>
        </button>
      )}
      {problem !== null && (
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
