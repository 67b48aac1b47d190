import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import {
  JSX,
  KeyboardEvent,
  MouseEvent,
  RefObject,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState
} from 'react';

import { Row, windowOf } from '../models/rows';
import { RunRow } from './RunRow';
import { Spacer } from './Spacer';

type Heights = Readonly<Record<Row['type'], number>>;

/** Until the first rows have been measured. */
const HEIGHTS: Heights = { experiment: 28, run: 44, more: 32, none: 28 };
/** Drawn beyond what is in view, so that scrolling does not flash. */
const SPARE = 400;

/**
 * Experiments and runs as a tree, of which only what is in view is in the page.
 *
 * The tree itself has the focus and names its current row (`aria-activedescendant`): a row that
 * scrolls out of the page can't take the focus with it.
 */
export function RunTree(props: RunTree.IProps): JSX.Element {
  const { rows, activeKey, treeRef } = props;
  const prefix = useId();
  const domId = (key: string): string => `${prefix}${key}`;
  const [view, setView] = useState({ top: 0, height: 600 });
  const [heights, setHeights] = useState<Heights>(HEIGHTS);
  const anchor = useRef<{ key: string; offset: number } | null>(null);
  const cut = windowOf(rows, heights, view.top, view.height, SPARE);

  useEffect(() => {
    const tree = treeRef.current;
    if (tree === null) {
      return undefined;
    }
    const observer = new ResizeObserver(() =>
      setView({ top: tree.scrollTop, height: tree.clientHeight })
    );
    observer.observe(tree);
    return () => observer.disconnect();
  }, [treeRef]);

  // Fonts differ between themes and settings: take the heights that rows really have.
  useLayoutEffect(() => {
    const tree = treeRef.current;
    if (tree === null) {
      return;
    }
    const measured = { ...heights };
    for (const type of ['experiment', 'run'] as const) {
      const height =
        tree.querySelector<HTMLElement>(
          type === 'run' ? '.jp-nbproof-Run' : '.jp-nbproof-Experiment'
        )?.offsetHeight ?? 0;
      if (height > 0) {
        measured[type] = height;
      }
    }
    if (
      measured.experiment !== heights.experiment ||
      measured.run !== heights.run
    ) {
      setHeights(measured);
    }
  }, [rows, heights, treeRef]);

  // A run that appears above what is being read must not push it away.
  useLayoutEffect(() => {
    const tree = treeRef.current;
    const held = anchor.current;
    if (tree === null || held === null || tree.scrollTop === 0) {
      return;
    }
    const top = topOf(rows, heights, held.key);
    if (top !== null && Math.abs(top - held.offset - tree.scrollTop) > 1) {
      tree.scrollTop = top - held.offset;
    }
  }, [rows, heights, treeRef]);

  useLayoutEffect(() => {
    const tree = treeRef.current;
    const top = activeKey === null ? null : topOf(rows, heights, activeKey);
    const row = rows.find(one => one.key === activeKey);
    if (tree === null || top === null || row === undefined) {
      return;
    }
    if (top < tree.scrollTop) {
      tree.scrollTop = top;
    } else if (top + heights[row.type] > tree.scrollTop + tree.clientHeight) {
      tree.scrollTop = top + heights[row.type] - tree.clientHeight;
    }
    // Only when the cursor moves: new rows alone must not scroll back to it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [activeKey]);

  const onScroll = (): void => {
    const tree = treeRef.current;
    if (tree === null) {
      return;
    }
    const first = rowAt(rows, heights, tree.scrollTop);
    anchor.current =
      first === null
        ? null
        : { key: first.key, offset: first.top - tree.scrollTop };
    const { scrollTop, clientHeight } = tree;
    // As long as what is drawn beyond the view is not used up there is nothing to draw.
    setView(last =>
      Math.abs(last.top - scrollTop) < SPARE / 2 && last.height === clientHeight
        ? last
        : { top: scrollTop, height: clientHeight }
    );
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const act = keyAction(event.key, props, view.height, heights.run);
    if (act !== null) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  };

  const onClick = (event: MouseEvent): void => {
    const key = keyOf(event);
    if (key !== null) {
      props.onActivate(key);
      if (isOnCaret(event)) {
        props.onToggle(key);
      } else {
        props.onOpen();
      }
    }
  };

  const onContextMenu = (event: MouseEvent): void => {
    const key = keyOf(event);
    if (key !== null) {
      props.onActivate(key);
    }
  };

  return (
    <div
      ref={treeRef}
      className="jp-nbproof-Tree"
      role="tree"
      tabIndex={0}
      aria-label={props.label}
      aria-activedescendant={activeKey === null ? undefined : domId(activeKey)}
      data-stale={props.isStale}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onContextMenu={onContextMenu}
      onFocus={() => {
        if (activeKey === null) {
          props.onMove(1);
        }
      }}
    >
      <Spacer height={cut.above} />
      {rows
        .slice(cut.first, cut.last + 1)
        .map(row => drawRow(row, row.key === activeKey, domId(row.key), props))}
      <Spacer height={cut.below} />
    </div>
  );
}

export namespace RunTree {
  export interface IProps {
    rows: readonly Row[];
    activeKey: string | null;
    label: string;
    /** Greyed: what is shown may be old. */
    isStale: boolean;
    /** Whether rows that come into view may ask for more. */
    mayAsk: boolean;
    showSparklines: boolean;
    now: number;
    treeRef: RefObject<HTMLDivElement>;
    trans: TranslationBundle;
    onActivate: (key: string) => void;
    onMove: (by: number) => void;
    onIn: () => void;
    onOut: () => void;
    /** Enter or a click on the current row. */
    onOpen: () => void;
    /** A click on the caret of a run. */
    onToggle: (key: string) => void;
    onMore: (group: string | null) => void;
    onFilter: () => void;
  }
}

/** What a key does in the tree; null leaves it to others. */
function keyAction(
  key: string,
  props: RunTree.IProps,
  viewHeight: number,
  rowHeight: number
): (() => void) | null {
  const page = Math.max(1, Math.floor(viewHeight / rowHeight) - 1);
  switch (key) {
    case 'ArrowDown':
      return () => props.onMove(1);
    case 'ArrowUp':
      return () => props.onMove(-1);
    case 'PageDown':
      return () => props.onMove(page);
    case 'PageUp':
      return () => props.onMove(-page);
    case 'Home':
      return () => props.onMove(-Infinity);
    case 'End':
      return () => props.onMove(Infinity);
    case 'ArrowRight':
      return props.onIn;
    case 'ArrowLeft':
      return props.onOut;
    case 'Enter':
    case ' ':
      return props.onOpen;
    case '/':
      return props.onFilter;
    default:
      return null;
  }
}

function drawRow(
  row: Row,
  isActive: boolean,
  domId: string,
  props: RunTree.IProps
): JSX.Element {
  const { trans } = props;
  switch (row.type) {
    case 'run':
      return (
        <RunRow
          key={row.key}
          row={row}
          domId={domId}
          isActive={isActive}
          showSparkline={props.showSparklines}
          now={props.now}
          trans={trans}
        />
      );
    case 'experiment': {
      const Caret = row.expanded ? caretDownIcon : caretRightIcon;
      const { name, run_count: count } = row.experiment;
      return (
        <div
          key={row.key}
          id={domId}
          className="jp-nbproof-Experiment"
          role="treeitem"
          tabIndex={-1}
          aria-level={1}
          aria-posinset={row.position}
          aria-setsize={row.siblings}
          aria-expanded={row.expanded}
          aria-selected={isActive}
          data-key={row.key}
          title={name}
        >
          <Caret.react tag="span" className="jp-nbproof-Experiment-caret" />
          <span className="jp-nbproof-Experiment-name">{name}</span>
          <span
            className="jp-nbproof-Experiment-count"
            title={trans._n('%1 run', '%1 runs', count)}
          >
            {count}
          </span>
        </div>
      );
    }
    case 'more':
      return (
        <More
          key={row.key}
          isLoading={row.loading}
          mayAsk={props.mayAsk}
          count={props.rows.length}
          label={trans.__('Loading more runs…')}
          onMore={() => props.onMore(row.group)}
        />
      );
    case 'none':
      return (
        <div key={row.key} className="jp-nbproof-None">
          {trans.__('No runs yet')}
        </div>
      );
  }
}

/** Asks for what comes next as soon as it is in the page. */
function More(props: {
  isLoading: boolean;
  mayAsk: boolean;
  count: number;
  label: string;
  onMore: () => void;
}): JSX.Element {
  const { isLoading, mayAsk, count, onMore } = props;
  useEffect(() => {
    if (!isLoading && mayAsk) {
      onMore();
    }
    // `onMore` is new at each drawing; what decides is whether the place is waiting.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [isLoading, mayAsk, count]);
  return <div className="jp-nbproof-More">{props.label}</div>;
}

function keyOf(event: MouseEvent): string | null {
  return event.target instanceof Element
    ? (event.target.closest('[data-key]')?.getAttribute('data-key') ?? null)
    : null;
}

function isOnCaret(event: MouseEvent): boolean {
  return (
    event.target instanceof Element &&
    event.target.closest('.jp-nbproof-Run-caret') !== null
  );
}

function topOf(
  rows: readonly Row[],
  heights: Heights,
  key: string
): number | null {
  let top = 0;
  for (const row of rows) {
    if (row.key === key) {
      return top;
    }
    top += heights[row.type];
  }
  return null;
}

function rowAt(
  rows: readonly Row[],
  heights: Heights,
  scrollTop: number
): { key: string; top: number } | null {
  let top = 0;
  for (const row of rows) {
    if (top + heights[row.type] > scrollTop) {
      return { key: row.key, top };
    }
    top += heights[row.type];
  }
  return null;
}
