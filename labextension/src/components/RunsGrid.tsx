import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import {
  JSX,
  KeyboardEvent,
  memo,
  MouseEvent,
  RefObject,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState
} from 'react';

import { cellOf, Column, fieldOf, isNumeric } from '../figures/columns';
import { GridRow, meanOf, rowsInView } from '../figures/grid';
import { formatShort, formatSpread, toNumber } from '../figures/numbers';
import type { Look } from '../figures/palette';
import type { Sort } from '../figures/search';
import type { Run } from '../services/api';
import { cellWords, columnWord, groupWord } from './cells';
import { RunName } from './RunName';
import { Spacer } from './Spacer';
import { StatusMark } from './StatusMark';
import { Swatch } from './Swatch';
import { dropSide, useReorder } from './useReorder';
import { shortId, statusWord } from './words';

/** Until the first row has been measured. */
const ROW_HEIGHT = 30;
/** Rows drawn beyond what is in view, so that scrolling does not flash. */
const SPARE = 14;
/** So close to the end of what is here, more is asked for. */
const AHEAD = 60;
/** Rows that tell whether a column holds numbers. */
const MOST_LOOKED_AT = 200;

/** The head's place in the keyboard's way: above the first row. */
export const HEAD = 'head';

/**
 * Runs and their columns, of which only the rows in view are in the page.
 *
 * The grid itself has the focus and names its current cell (`aria-activedescendant`): a row that
 * scrolls out of the page can't take the focus with it.
 */
export function RunsGrid(props: RunsGrid.IProps): JSX.Element {
  const { rows, columns, activeKey, gridRef, sort, trans } = props;
  const prefix = useId();
  const [column, setColumn] = useState(0);
  const [height, setHeight] = useState(ROW_HEIGHT);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [isHead, setIsHead] = useState(false);
  const { first, last } = rowsInView(
    rows.length,
    height,
    view.top,
    view.height,
    SPARE
  );
  const at = Math.min(column, columns.length);

  useEffect(() => {
    const grid = gridRef.current;
    if (grid === null) {
      return undefined;
    }
    const observer = new ResizeObserver(() =>
      setView({ top: grid.scrollTop, height: grid.clientHeight })
    );
    observer.observe(grid);
    return () => observer.disconnect();
  }, [gridRef]);

  // Who opened the table wants to walk in it as soon as it is there.
  useEffect(() => {
    const page = gridRef.current?.closest('.jp-nbproof-RunsTable');
    if (page && page === document.activeElement) {
      gridRef.current?.focus();
    }
  }, [gridRef]);

  // Widths depend on the columns chosen: the one thing here that a style sheet can't know.
  const isGrouped = rows.some(row => row.type === 'group');
  const numeric = useMemo(() => {
    const runs = rows
      .slice(0, MOST_LOOKED_AT)
      .flatMap(row => (row.type === 'run' ? row.run : []));
    return new Set(
      columns.filter(one => isNumeric(one, runs)).map(one => one.key)
    );
  }, [columns, rows]);
  const widths = columns.map(one => widthOf(one, isGrouped)).join(' ');
  useLayoutEffect(() => {
    gridRef.current?.style.setProperty('--jp-nbproof-columns', widths);
  }, [widths, gridRef]);

  // Fonts differ between themes and settings: take the height that rows really have.
  useLayoutEffect(() => {
    const real =
      gridRef.current?.querySelector<HTMLElement>('[data-key]')?.offsetHeight ??
      0;
    if (real > 0 && real !== height) {
      setHeight(real);
    }
  }, [rows, height, gridRef]);

  const { moving, handlers } = useReorder({
    axis: 'x',
    items: '[data-place]',
    scroller: gridRef,
    onMove: props.onMoveColumn
  });

  // The page is drawn a frame after a key was pressed; the next key may come sooner.
  const current = useRef(activeKey);
  useLayoutEffect(() => {
    current.current = activeKey;
  });
  const activate = (key: string): void => {
    current.current = key;
    props.onActivate(key);
  };
  const activeIndex = (): number =>
    rows.findIndex(row => row.key === current.current);

  const showCursor = (): void => {
    if (current.current === null && rows.length > 0) {
      activate(rows[0].key);
    }
  };

  // A grid that got the focus before its rows has a cursor as soon as they are there.
  useLayoutEffect(() => {
    if (gridRef.current === document.activeElement) {
      showCursor();
    }
  });

  // The cursor stays in view.
  useLayoutEffect(() => {
    const grid = gridRef.current;
    const index = rows.findIndex(row => row.key === activeKey);
    if (grid === null || index < 0) {
      return;
    }
    const head = grid.querySelector<HTMLElement>('.jp-nbproof-Grid-head');
    const room = grid.clientHeight - (head?.offsetHeight ?? 0);
    const top = index * height;
    if (top < grid.scrollTop) {
      grid.scrollTop = top;
    } else if (top + height > grid.scrollTop + room) {
      grid.scrollTop = top + height - room;
    }
    // Only when the cursor moves: new rows alone must not scroll back to it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [activeKey]);

  useLayoutEffect(() => {
    const grid = gridRef.current;
    const cell = grid?.querySelector<HTMLElement>('[data-cursor=true]');
    if (!grid || !cell || at === 0) {
      return;
    }
    // The first column stands still above the others: what is under it is not in view.
    const fixed =
      grid.querySelector<HTMLElement>('.jp-nbproof-Grid-name')?.offsetWidth ??
      0;
    if (cell.offsetLeft - fixed < grid.scrollLeft) {
      grid.scrollLeft = cell.offsetLeft - fixed;
    } else if (
      cell.offsetLeft + cell.offsetWidth >
      grid.scrollLeft + grid.clientWidth
    ) {
      grid.scrollLeft = cell.offsetLeft + cell.offsetWidth - grid.clientWidth;
    }
  }, [gridRef, at]);

  const { mayAsk, onMore } = props;
  const isNearEnd = mayAsk && last >= rows.length - AHEAD;
  useEffect(() => {
    if (isNearEnd) {
      onMore();
    }
    // `onMore` is new at each drawing; what decides is where the end is.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [isNearEnd, rows.length]);

  const onScroll = (): void => {
    const grid = gridRef.current;
    if (grid === null) {
      return;
    }
    const { scrollTop, clientHeight } = grid;
    // As long as what is drawn beyond the view is not used up there is nothing to draw.
    setView(before =>
      Math.abs(before.top - scrollTop) < (SPARE * height) / 2 &&
      before.height === clientHeight
        ? before
        : { top: scrollTop, height: clientHeight }
    );
  };

  const move = (by: number): void => {
    const index = activeIndex();
    if (by < 0 && !isHead && index === 0 && by > -Infinity) {
      setIsHead(true);
      return;
    }
    const to = isHead
      ? by > 0
        ? Math.max(0, Math.min(rows.length - 1, index))
        : -1
      : Math.min(rows.length - 1, Math.max(0, index < 0 ? 0 : index + by));
    if (to >= 0) {
      setIsHead(false);
      activate(rows[to].key);
    }
  };

  /** The name stays first: the cursor's place among the columns is one less than in the head. */
  const moveColumn = (by: number): void => {
    const to = at - 1 + by;
    if (at > 0 && to >= 0 && to < columns.length) {
      props.onMoveColumn(at - 1, to);
      setColumn(at + by);
    }
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const act = keyAction(event);
    if (act !== null) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  };

  const keyAction = (event: KeyboardEvent): (() => void) | null => {
    const { key } = event;
    const activeRow = rows.find(row => row.key === current.current);
    const isCommand = event.ctrlKey || event.metaKey;
    const page = Math.max(1, Math.floor(view.height / height) - 2);
    if (event.altKey) {
      return null;
    }
    if (isCommand) {
      switch (key) {
        case 'a':
          return props.onSelectAll;
        case 'Home':
          return () => move(-Infinity);
        case 'End':
          return () => move(Infinity);
        default:
          return null;
      }
    }
    switch (key) {
      case 'ArrowDown':
      case 'ArrowUp':
        return () => {
          const by = key === 'ArrowDown' ? 1 : -1;
          const index = activeIndex() + by;
          const next = rows.at(Math.max(0, index));
          if (event.shiftKey && next?.type === 'run' && !isHead) {
            if (activeRow?.type === 'run') {
              props.onSelect(activeRow.key, true);
            }
            props.onSelect(next.key, true);
          }
          move(by);
        };
      case 'PageDown':
        return () => move(page);
      case 'PageUp':
        return () => move(-page);
      case 'ArrowRight':
        if (isHead && event.shiftKey) {
          return () => moveColumn(1);
        }
        return () => {
          if (activeRow?.type === 'group' && !activeRow.isOpen && !isHead) {
            props.onToggleGroup(activeRow.key, true);
          } else {
            setColumn(Math.min(columns.length, at + 1));
          }
        };
      case 'ArrowLeft':
        if (isHead && event.shiftKey) {
          return () => moveColumn(-1);
        }
        return () => {
          if (
            activeRow?.type === 'group' &&
            activeRow.isOpen &&
            at === 0 &&
            !isHead
          ) {
            props.onToggleGroup(activeRow.key, false);
          } else {
            setColumn(Math.max(0, at - 1));
          }
        };
      case 'Home':
        return () => setColumn(0);
      case 'End':
        return () => setColumn(columns.length);
      case 'Enter':
        return () => {
          if (isHead) {
            props.onSort(at === 0 ? NAME : columns[at - 1]);
          } else if (activeRow?.type === 'group') {
            props.onToggleGroup(activeRow.key);
          } else if (activeRow?.type === 'run') {
            props.onOpen(activeRow.run);
          }
        };
      case ' ':
        return () => {
          if (isHead) {
            props.onSort(at === 0 ? NAME : columns[at - 1]);
          } else if (activeRow?.type === 'group') {
            props.onSelectMany(activeRow.runs);
          } else if (activeRow?.type === 'run') {
            props.onSelect(activeRow.key);
          }
        };
      case 'Escape':
        return props.selected.size > 0 ? props.onClearSelection : null;
      case '/':
        return props.onFilter;
      default:
        return null;
    }
  };

  const onClick = (event: MouseEvent): void => {
    const hit = hitOf(event);
    if (hit === null) {
      return;
    }
    const { key, part } = hit;
    const row = rows.find(one => one.key === key);
    if (row === undefined || row.type === 'more') {
      return;
    }
    setIsHead(false);
    activate(key);
    if (row.type === 'group') {
      if (part === 'check') {
        props.onSelectMany(row.runs);
      } else {
        props.onToggleGroup(key);
      }
    } else if (event.shiftKey) {
      // The browser would mark the text in between.
      window.getSelection()?.removeAllRanges();
      props.onSelectTo(key);
    } else if (part === 'check' || event.ctrlKey || event.metaKey) {
      props.onSelect(key);
    } else if (part === 'open') {
      props.onOpen(row.run);
    }
  };

  const onDoubleClick = (event: MouseEvent): void => {
    const hit = hitOf(event);
    const row = rows.find(one => one.key === hit?.key);
    if (row?.type === 'run' && hit?.part === '') {
      props.onOpen(row.run);
    }
  };

  const cursor = isHead
    ? `${prefix}head-${at}`
    : activeKey === null
      ? undefined
      : `${prefix}${activeKey}-${at}`;
  const shown = rows.slice(first, last + 1);
  const runCount = rows.filter(row => row.type === 'run').length;
  return (
    <div
      ref={gridRef}
      className="jp-nbproof-Grid"
      role="grid"
      tabIndex={0}
      aria-label={props.label}
      aria-multiselectable={true}
      aria-rowcount={mayAsk ? -1 : rows.length + 1}
      aria-colcount={columns.length + 1}
      aria-activedescendant={cursor}
      aria-busy={props.isBusy}
      data-stale={props.isStale}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onDoubleClick={onDoubleClick}
      onContextMenu={event => {
        const hit = hitOf(event);
        if (hit !== null) {
          activate(hit.key);
        }
      }}
      onFocus={showCursor}
    >
      <div className="jp-nbproof-Grid-body">
        <div
          {...handlers}
          className="jp-nbproof-Grid-head"
          data-moving={moving !== null || undefined}
          role="row"
          tabIndex={-1}
          aria-rowindex={1}
        >
          <Head
            column={NAME}
            id={`${prefix}head-0`}
            isActive={isHead && at === 0}
            sort={sort}
            check={
              <Check
                state={
                  props.selected.size === 0
                    ? 'none'
                    : props.selected.size >= runCount
                      ? 'all'
                      : 'some'
                }
                label={
                  props.selected.size === 0
                    ? trans.__('Select all runs')
                    : trans.__('Clear the selection')
                }
                onClick={
                  props.selected.size === 0
                    ? props.onSelectAll
                    : props.onClearSelection
                }
              />
            }
            onSort={props.onSort}
            trans={trans}
          />
          {columns.map((one, index) => (
            <Head
              key={one.key}
              column={one}
              id={`${prefix}head-${index + 1}`}
              place={index}
              isMoved={moving?.from === index}
              drop={dropSide(moving, index, columns.length)}
              isActive={isHead && at === index + 1}
              isNumeric={numeric.has(one.key)}
              isAmbiguous={columns.some(
                other => other !== one && other.name === one.name
              )}
              sort={sort}
              onSort={props.onSort}
              trans={trans}
            />
          ))}
        </div>
        <Spacer height={first * height} />
        {shown.map((row, index) => {
          const isActive = !isHead && row.key === activeKey;
          const common = {
            prefix,
            index: first + index + 2,
            columns,
            cursor: isActive ? at : -1,
            trans
          };
          switch (row.type) {
            case 'run':
              return (
                <RunLine
                  key={row.isPinned ? `pinned:${row.key}` : row.key}
                  {...common}
                  run={row.run}
                  level={row.level}
                  isPinned={row.isPinned}
                  isHidden={props.hidden.has(row.key)}
                  isSelected={props.selected.has(row.key)}
                  look={props.looks.get(row.key) ?? null}
                  hasLooks={props.looks.size > 0}
                  apart={props.namesakes.get(row.key)}
                  now={props.now}
                />
              );
            case 'group':
              return (
                <GroupLine
                  key={row.key}
                  {...common}
                  row={row}
                  selected={props.selected}
                />
              );
            case 'more':
              return (
                <div
                  key={row.key}
                  className="jp-nbproof-Grid-more"
                  role="row"
                  tabIndex={-1}
                  aria-rowindex={first + index + 2}
                  data-key={row.key}
                >
                  <div role="gridcell">{trans.__('Loading more runs…')}</div>
                </div>
              );
          }
        })}
        <Spacer height={Math.max(0, rows.length - 1 - last) * height} />
      </div>
    </div>
  );
}

export namespace RunsGrid {
  export interface IProps {
    rows: readonly GridRow[];
    columns: readonly Column[];
    selected: ReadonlySet<string>;
    hidden: ReadonlySet<string>;
    looks: ReadonlyMap<string, Look>;
    /** What tells runs of one name apart. */
    namesakes: ReadonlyMap<string, string>;
    activeKey: string | null;
    sort: Sort | null;
    label: string;
    /** Greyed: what is shown may be old. */
    isStale: boolean;
    isBusy: boolean;
    /** Whether the server has more and may be asked. */
    mayAsk: boolean;
    now: number;
    gridRef: RefObject<HTMLDivElement>;
    trans: TranslationBundle;
    onActivate: (key: string) => void;
    onOpen: (run: Run) => void;
    onSort: (column: Column) => void;
    onMoveColumn: (from: number, to: number) => void;
    /** Without a wish it is turned over. */
    onSelect: (key: string, isSelected?: boolean) => void;
    onSelectTo: (key: string) => void;
    /** All of a group, or none if all are. */
    onSelectMany: (runs: readonly Run[]) => void;
    onSelectAll: () => void;
    onClearSelection: () => void;
    onToggleGroup: (key: string, isOpen?: boolean) => void;
    onMore: () => void;
    onFilter: () => void;
  }
}

export const NAME: Column = { key: 'run.name', group: 'run', name: 'name' };

/** Heads of groups hold a mean and a deviation. */
function widthOf(column: Column, isGrouped: boolean): string {
  const letters = ((): number => {
    if (column.group === 'metrics') {
      return isGrouped ? 11.5 : 8.5;
    }
    switch (column.key) {
      case 'run.status':
        return 9;
      case 'run.started':
      case 'run.ended':
      case 'run.duration':
      case 'run.commit':
        return 8.5;
      case 'run.source':
      case 'run.notes':
        return 16;
      default:
        return 9.5;
    }
  })();
  return `calc(var(--jp-ui-font-size1) * ${letters})`;
}

interface Hit {
  readonly key: string;
  readonly part: string;
}

function hitOf(event: MouseEvent): Hit | null {
  if (!(event.target instanceof Element)) {
    return null;
  }
  const key = event.target.closest<HTMLElement>('[data-key]')?.dataset.key;
  return key === undefined
    ? null
    : {
        key,
        part:
          event.target.closest<HTMLElement>('[data-part]')?.dataset.part ?? ''
      };
}

function Head(props: {
  column: Column;
  id: string;
  /** Among the columns that can be moved. */
  place?: number;
  isMoved?: boolean;
  drop?: 'before' | 'after';
  isActive: boolean;
  isNumeric?: boolean;
  /** A param and a metric may have one name. */
  isAmbiguous?: boolean;
  sort: Sort | null;
  check?: JSX.Element;
  onSort: (column: Column) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { column, sort, trans } = props;
  const word =
    props.isAmbiguous === true ? column.key : columnWord(column, trans);
  const isSorted = sort?.column === column.key;
  const canSort = fieldOf(column) !== null;
  return (
    <div
      id={props.id}
      className={
        column.key === NAME.key
          ? 'jp-nbproof-Grid-cell jp-nbproof-Grid-name'
          : 'jp-nbproof-Grid-cell'
      }
      role="columnheader"
      tabIndex={-1}
      data-group={column.group}
      data-place={props.place}
      data-moved={props.isMoved === true || undefined}
      data-drop={props.drop}
      data-numeric={props.isNumeric === true || undefined}
      data-cursor={props.isActive || undefined}
      aria-keyshortcuts={
        props.place === undefined
          ? undefined
          : 'Shift+ArrowLeft Shift+ArrowRight'
      }
      aria-sort={
        !isSorted ? 'none' : sort.descending ? 'descending' : 'ascending'
      }
    >
      {props.check}
      <button
        type="button"
        className="jp-nbproof-Grid-sort"
        tabIndex={-1}
        disabled={!canSort}
        title={
          props.place === undefined
            ? trans.__('%1: sort by it', word)
            : canSort
              ? trans.__(
                  '%1: click to sort by it, drag to move it',
                  `${groupWord(column.group, trans)} · ${word}`
                )
              : trans.__('%1: drag to move it', word)
        }
        onClick={() => props.onSort(column)}
      >
        <span className="jp-nbproof-Grid-word">{word}</span>
        {isSorted && (
          <svg
            className="jp-nbproof-Grid-arrow"
            width={10}
            height={10}
            viewBox="0 0 10 10"
            aria-hidden="true"
          >
            <path
              d={sort.descending ? 'M1.5 3l3.5 4 3.5-4' : 'M1.5 7l3.5-4 3.5 4'}
            />
          </svg>
        )}
      </button>
    </div>
  );
}

type CheckState = 'none' | 'some' | 'all';

function Check(props: {
  state: CheckState;
  label: string;
  onClick: () => void;
}): JSX.Element {
  return (
    <button
      type="button"
      className="jp-nbproof-Grid-check"
      tabIndex={-1}
      aria-label={props.label}
      title={props.label}
      onClick={props.onClick}
    >
      <Tick state={props.state} />
    </button>
  );
}

function Tick({ state }: { state: CheckState }): JSX.Element {
  return (
    <svg
      className="jp-nbproof-Tick"
      data-state={state}
      width={14}
      height={14}
      viewBox="0 0 14 14"
      aria-hidden="true"
    >
      <rect x={0.75} y={0.75} width={12.5} height={12.5} rx={2.5} />
      {state === 'all' && <path d="M3.5 7.2l2.4 2.5 4.6-5.2" />}
      {state === 'some' && <path d="M3.8 7h6.4" />}
    </svg>
  );
}

interface ILine {
  prefix: string;
  /** From 1, the head being the first. */
  index: number;
  columns: readonly Column[];
  /** Column of the cursor; -1 where it is in another row. */
  cursor: number;
  trans: TranslationBundle;
}

const RunLine = memo(function RunLine(
  props: ILine & {
    run: Run;
    level: number;
    isPinned: boolean;
    isHidden: boolean;
    isSelected: boolean;
    look: Look | null;
    /** Where nothing is drawn, no run has a colour. */
    hasLooks: boolean;
    apart: string | undefined;
    now: number;
  }
): JSX.Element {
  const { run, columns, cursor, prefix, trans } = props;
  return (
    <div
      className="jp-nbproof-Grid-row"
      role="row"
      tabIndex={-1}
      aria-rowindex={props.index}
      aria-selected={props.isSelected}
      aria-level={props.level}
      data-key={run.id}
      data-run={run.id}
      data-active={cursor >= 0 || undefined}
      data-pinned={props.isPinned || undefined}
      data-hidden={props.isHidden || undefined}
    >
      <div
        id={`${prefix}${run.id}-0`}
        className="jp-nbproof-Grid-cell jp-nbproof-Grid-name"
        role="rowheader"
        data-cursor={cursor === 0 || undefined}
        title={trans.__(
          '%1 (%2), %3',
          props.apart === undefined ? run.name : `${run.name}, ${props.apart}`,
          shortId(run.id),
          statusWord(run.status, trans)
        )}
      >
        <span className="jp-nbproof-Grid-check" data-part="check">
          <Tick state={props.isSelected ? 'all' : 'none'} />
        </span>
        {props.hasLooks && <Swatch look={props.look} />}
        <StatusMark status={run.status} trans={trans} />
        <span className="jp-nbproof-Grid-open" data-part="open">
          <RunName name={run.name} apart={props.apart} />
        </span>
        {props.isPinned && (
          <svg
            className="jp-nbproof-Grid-pin"
            width={12}
            height={12}
            viewBox="0 0 12 12"
            role="img"
            aria-label={trans.__('pinned')}
          >
            <path d="M4 1h4v4l1.5 2h-7L4 5zM6 7v4" />
          </svg>
        )}
      </div>
      {columns.map((column, index) => {
        const words = cellWords(run, column, props.now, trans);
        return (
          <div
            key={column.key}
            id={
              cursor === index + 1
                ? `${prefix}${run.id}-${index + 1}`
                : undefined
            }
            className="jp-nbproof-Grid-cell"
            role="gridcell"
            data-column={column.key}
            data-numeric={isNumber(run, column) || undefined}
            data-cursor={cursor === index + 1 || undefined}
            title={words.full}
          >
            {words.short}
          </div>
        );
      })}
    </div>
  );
});

const isNumber = (run: Run, column: Column): boolean =>
  column.group === 'metrics' ||
  column.key === 'run.duration' ||
  (column.group === 'params' && typeof run.params[column.name] === 'number');

const GroupLine = memo(function GroupLine(
  props: ILine & {
    row: Extract<GridRow, { type: 'group' }>;
    selected: ReadonlySet<string>;
  }
): JSX.Element {
  const { row, columns, cursor, prefix } = props;
  const Caret = row.isOpen ? caretDownIcon : caretRightIcon;
  const chosen = row.runs.filter(run => props.selected.has(run.id)).length;
  return (
    <div
      className="jp-nbproof-Grid-row jp-nbproof-Grid-group"
      role="row"
      tabIndex={-1}
      aria-rowindex={props.index}
      aria-expanded={row.isOpen}
      aria-level={1}
      data-key={row.key}
      data-active={cursor >= 0 || undefined}
    >
      <div
        id={`${prefix}${row.key}-0`}
        className="jp-nbproof-Grid-cell jp-nbproof-Grid-name"
        role="rowheader"
        data-cursor={cursor === 0 || undefined}
        title={row.label}
      >
        <span className="jp-nbproof-Grid-check" data-part="check">
          <Tick
            state={
              chosen === 0
                ? 'none'
                : chosen === row.runs.length
                  ? 'all'
                  : 'some'
            }
          />
        </span>
        <Caret.react tag="span" className="jp-nbproof-Grid-caret" />
        <span className="jp-nbproof-Grid-label">{row.label}</span>
        <span className="jp-nbproof-Grid-count">{row.runs.length}</span>
      </div>
      {columns.map((column, index) => (
        <div
          key={column.key}
          id={
            cursor === index + 1
              ? `${prefix}${row.key}-${index + 1}`
              : undefined
          }
          className="jp-nbproof-Grid-cell"
          role="gridcell"
          data-column={column.key}
          data-numeric={column.group === 'metrics' || undefined}
          data-cursor={cursor === index + 1 || undefined}
        >
          {groupCell(row.runs, column)}
        </div>
      ))}
    </div>
  );
});

/** Mean and deviation of a metric; what all runs of the group have in common; else nothing. */
function groupCell(runs: readonly Run[], column: Column): JSX.Element | string {
  if (column.group === 'metrics') {
    const found = meanOf(runs.map(run => toNumber(run.metrics[column.name])));
    if (found === null) {
      return '';
    }
    const spread =
      found.deviation === null
        ? null
        : formatSpread(found.mean, found.deviation);
    return (
      <>
        {spread === null ? formatShort(found.mean) : spread[0]}
        {spread !== null && (
          <span className="jp-nbproof-Grid-deviation">
            {' ± '}
            {spread[1]}
          </span>
        )}
      </>
    );
  }
  if (column.group === 'params' || column.group === 'tags') {
    const words = new Set(
      runs.slice(0, 500).map(run => JSON.stringify(cellOf(run, column)))
    );
    const value = cellOf(runs[0], column);
    return words.size === 1 && value !== null
      ? typeof value === 'string'
        ? value
        : JSON.stringify(value)
      : '';
  }
  return '';
}
