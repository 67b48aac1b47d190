import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import { JSX, KeyboardEvent, RefObject, useId, useLayoutEffect } from 'react';

import { amountOf, countText } from '../figures/dataset';
import { formatBytes } from '../figures/numbers';
import type { DatasetsModel } from '../models/datasets';
import type { Dataset } from '../services/api';
import { KindMark } from './KindMark';
import { Notice } from './Notice';
import { Skeleton } from './Skeleton';
import { useDraft } from './useDraft';
import { useNow } from './useNow';
import { agoWord, instantWord, kindWord, problemWords } from './words';

/** The datasets of the workspace, below its runs; folded away by a click on its head. */
export function DatasetsSection(props: DatasetsSection.IProps): JSX.Element {
  const { datasets, isOpen, actions, trans } = props;
  const id = useId();
  const Caret = isOpen ? caretDownIcon : caretRightIcon;
  const count = datasets.items.length;
  return (
    <section
      className="jp-nbproof-Datasets"
      data-open={isOpen}
      data-empty={count === 0 && datasets.answered === ''}
      aria-labelledby={id}
    >
      <h2 className="jp-nbproof-Datasets-head">
        <button
          type="button"
          id={id}
          aria-expanded={isOpen}
          onClick={actions.toggle}
        >
          <Caret.react tag="span" className="jp-nbproof-Experiment-caret" />
          <span className="jp-nbproof-Experiment-name">
            {trans.__('Datasets')}
          </span>
          {count > 0 && (
            <span className="jp-nbproof-Experiment-count">
              {datasets.hasMore ? trans.__('%1+', count) : count}
            </span>
          )}
        </button>
      </h2>
      {isOpen && <Body {...props} />}
    </section>
  );
}

export namespace DatasetsSection {
  export interface IActions {
    toggle: () => void;
    setQuery: (query: string) => void;
    searchNow: () => void;
    activate: (id: string) => void;
    move: (by: number) => void;
    open: () => void;
    loadMore: () => void;
    refresh: () => void;
    focusList: () => void;
    focusFilter: () => void;
  }

  export interface IProps {
    datasets: DatasetsModel;
    isOpen: boolean;
    listRef: RefObject<HTMLDivElement>;
    filterRef: RefObject<HTMLInputElement>;
    actions: IActions;
    trans: TranslationBundle;
  }
}

function Body(props: DatasetsSection.IProps): JSX.Element {
  const { datasets, actions, trans } = props;
  const { items, problem, query, answered } = datasets;
  const isFiltered = query !== '' || answered !== '';
  if (items.length === 0 && !isFiltered) {
    if (problem !== null) {
      const words = problemWords(problem, trans);
      return (
        <Notice
          kind="error"
          title={words.title}
          actions={[{ label: trans.__('Retry'), onClick: actions.refresh }]}
        >
          {words.text}
        </Notice>
      );
    }
    if (datasets.phase !== 'ready') {
      return <Skeleton rows={2} label={trans.__('Loading datasets…')} />;
    }
    return (
      <div className="jp-nbproof-Datasets-none" role="status">
        <p>
          {trans.__(
            'No datasets yet. Keep a table, a file or a folder as a version that you can always come back to:'
          )}
        </p>
        <pre className="jp-nbproof-code">
          {'nbp.register_dataset(frame, "sales")'}
        </pre>
      </div>
    );
  }
  return (
    <>
      <NameFilter {...props} />
      {problem !== null && (
        <p className="jp-nbproof-Datasets-note" role="alert">
          {problemWords(problem, trans).title}
        </p>
      )}
      {items.length === 0 ? (
        <p className="jp-nbproof-Datasets-note" role="status">
          {query === answered
            ? trans.__('No dataset has “%1” in its name.', answered)
            : trans.__('Searching…')}
        </p>
      ) : (
        <>
          <List {...props} />
          {datasets.hasMore && (
            <p className="jp-nbproof-Datasets-note">
              <button
                type="button"
                className="jp-nbproof-LinkButton"
                disabled={datasets.isLoadingMore}
                onClick={actions.loadMore}
              >
                {datasets.isLoadingMore
                  ? trans.__('Loading more datasets…')
                  : trans.__('Show more datasets')}
              </button>
            </p>
          )}
        </>
      )}
    </>
  );
}

function NameFilter({
  datasets,
  filterRef,
  actions,
  trans
}: DatasetsSection.IProps): JSX.Element {
  const [query, change] = useDraft(datasets.query, actions.setQuery);
  const onKeyDown = (event: KeyboardEvent): void => {
    switch (event.key) {
      case 'Escape':
        if (query === '') {
          actions.focusList();
        } else {
          change('');
        }
        break;
      case 'Enter':
        actions.searchNow();
        break;
      case 'ArrowDown':
        actions.focusList();
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className="jp-nbproof-Filter" role="search">
      <input
        ref={filterRef}
        type="text"
        className="jp-mod-styled jp-nbproof-Filter-input"
        value={query}
        placeholder={trans.__('Filter by name')}
        spellCheck={false}
        autoComplete="off"
        aria-label={trans.__('Filter datasets')}
        onChange={event => change(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {query !== '' && (
        <button
          type="button"
          className="jp-nbproof-IconButton jp-nbproof-Filter-clear"
          aria-label={trans.__('Clear the filter of datasets')}
          title={trans.__('Clear the filter (Escape)')}
          onClick={() => {
            change('');
            filterRef.current?.focus();
          }}
        >
          <svg width={10} height={10} viewBox="0 0 10 10" aria-hidden="true">
            <path d="M1.5 1.5l7 7m0-7l-7 7" />
          </svg>
        </button>
      )}
    </div>
  );
}

/** The list has the focus and names its current row, as the tree of runs does. */
function List(props: DatasetsSection.IProps): JSX.Element {
  const { datasets, listRef, actions, trans } = props;
  const prefix = useId();
  const now = useNow(20_000);
  const { activeId } = datasets;
  const domId = (id: string): string => `${prefix}${id}`;
  useLayoutEffect(() => {
    listRef.current
      ?.querySelector('[aria-selected="true"]')
      ?.scrollIntoView({ block: 'nearest' });
  }, [activeId, listRef]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const act = keyAction(event.key, actions);
    if (act !== null) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  };
  return (
    <div
      ref={listRef}
      className="jp-nbproof-Datasets-list"
      role="listbox"
      tabIndex={0}
      aria-label={trans.__('Datasets of %1', datasets.workspace?.name ?? '')}
      aria-activedescendant={activeId === null ? undefined : domId(activeId)}
      data-stale={datasets.problem !== null}
      onKeyDown={onKeyDown}
      onFocus={() => {
        if (datasets.active === null) {
          actions.move(1);
        }
      }}
    >
      {datasets.items.map(dataset => (
        <Row
          key={dataset.id}
          domId={domId(dataset.id)}
          dataset={dataset}
          isActive={dataset.id === activeId}
          now={now}
          actions={actions}
          trans={trans}
        />
      ))}
    </div>
  );
}

/** What a key does in the list; null leaves it to others. */
function keyAction(
  key: string,
  actions: DatasetsSection.IActions
): (() => void) | null {
  switch (key) {
    case 'ArrowDown':
      return () => actions.move(1);
    case 'ArrowUp':
      return () => actions.move(-1);
    case 'Home':
      return () => actions.move(-Infinity);
    case 'End':
      return () => actions.move(Infinity);
    case 'Enter':
    case ' ':
      return actions.open;
    case '/':
      return actions.focusFilter;
    default:
      return null;
  }
}

function Row({
  domId,
  dataset,
  isActive,
  now,
  actions,
  trans
}: {
  domId: string;
  dataset: Dataset;
  isActive: boolean;
  now: number;
  actions: DatasetsSection.IActions;
  trans: TranslationBundle;
}): JSX.Element {
  const when = dataset.updated_at ?? dataset.created_at;
  const facts = [
    kindWord(dataset.kind ?? '', trans),
    amountWord(dataset, trans),
    formatBytes(dataset.size_bytes)
  ].filter(word => word !== '');
  return (
    // The list takes the keys; a row only the mouse.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      id={domId}
      className="jp-nbproof-Dataset"
      role="option"
      tabIndex={-1}
      aria-selected={isActive}
      data-dataset={dataset.name}
      title={trans.__('%1, registered %2', dataset.name, instantWord(when))}
      onClick={() => {
        actions.activate(dataset.id);
        actions.open();
      }}
    >
      <KindMark kind={dataset.kind ?? ''} />
      <div className="jp-nbproof-Run-lines">
        <div className="jp-nbproof-Run-line">
          <span className="jp-nbproof-Run-name">
            <bdi>{dataset.name}</bdi>
          </span>
          {dataset.latest !== null && (
            <span className="jp-nbproof-Run-id">v{dataset.latest}</span>
          )}
          <span className="jp-nbproof-Run-age">
            {agoWord(when, now, trans)}
          </span>
        </div>
        <div className="jp-nbproof-Run-line">
          <span className="jp-nbproof-Run-none">{facts.join(' · ')}</span>
        </div>
      </div>
    </div>
  );
}

/** How many rows or files, in words. */
function amountWord(dataset: Dataset, trans: TranslationBundle): string {
  const amount = amountOf(dataset);
  if (amount === null) {
    return '';
  }
  return amount.unit === 'rows'
    ? trans._n('%2 row', '%2 rows', amount.count, countText(amount.count))
    : trans._n('%2 file', '%2 files', amount.count, countText(amount.count));
}
