/** Rows of the runs table: what is pinned stands on top, what belongs together under one head. */

import type { Run } from '../services/api';
import { cellOf, Column } from './columns';

export type GridRow =
  | {
      readonly type: 'run';
      readonly key: string;
      readonly run: Run;
      readonly isPinned: boolean;
      readonly level: number;
    }
  | {
      readonly type: 'group';
      readonly key: string;
      readonly label: string;
      readonly runs: readonly Run[];
      readonly isOpen: boolean;
    }
  | { readonly type: 'more'; readonly key: string };

export interface GridOptions {
  readonly group: Column | null;
  readonly pinned: readonly Run[];
  readonly hidden: ReadonlySet<string>;
  readonly showHidden: boolean;
  readonly closed: ReadonlySet<string>;
  /** Whether the server has more than is here. */
  readonly more: boolean;
  /** What the group of runs without a value is called. */
  readonly noneWord: string;
}

export function gridRows(
  runs: readonly Run[],
  options: GridOptions
): GridRow[] {
  const { group, pinned, hidden, showHidden, closed, more, noneWord } = options;
  const isShown = (run: Run): boolean => showHidden || !hidden.has(run.id);
  const onTop = pinned.filter(isShown);
  const pinnedIds = new Set(pinned.map(run => run.id));
  const rest = runs.filter(run => isShown(run) && !pinnedIds.has(run.id));
  const rows: GridRow[] = onTop.map(run => ({
    type: 'run',
    key: run.id,
    run,
    isPinned: true,
    level: 1
  }));
  if (group === null) {
    for (const run of rest) {
      rows.push({ type: 'run', key: run.id, run, isPinned: false, level: 1 });
    }
  } else {
    for (const [label, members] of groupsOf(rest, group, noneWord)) {
      const key = `group:${label}`;
      const isOpen = !closed.has(key);
      rows.push({ type: 'group', key, label, runs: members, isOpen });
      if (isOpen) {
        for (const run of members) {
          rows.push({
            type: 'run',
            key: run.id,
            run,
            isPinned: false,
            level: 2
          });
        }
      }
    }
  }
  if (more) {
    rows.push({ type: 'more', key: 'more' });
  }
  return rows;
}

/** In the order in which the first run of each group stands: the table's own sort goes on. */
function groupsOf(
  runs: readonly Run[],
  column: Column,
  noneWord: string
): Map<string, Run[]> {
  const groups = new Map<string, Run[]>();
  const none: Run[] = [];
  for (const run of runs) {
    const value = cellOf(run, column);
    if (value === null) {
      none.push(run);
      continue;
    }
    const label = typeof value === 'string' ? value : JSON.stringify(value);
    const members = groups.get(label);
    if (members === undefined) {
      groups.set(label, [run]);
    } else {
      members.push(run);
    }
  }
  if (none.length > 0) {
    groups.set(noneWord, none);
  }
  return groups;
}

/** Mean and sample standard deviation of what is finite; null where nothing is. */
export function meanOf(
  values: readonly number[]
): { mean: number; deviation: number | null } | null {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) {
    return null;
  }
  const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length;
  const squares = finite.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    mean,
    deviation:
      finite.length > 1 ? Math.sqrt(squares / (finite.length - 1)) : null
  };
}

/** Which of many rows of one height are in view, with some to spare. */
export function rowsInView(
  count: number,
  rowHeight: number,
  scrollTop: number,
  viewHeight: number,
  spare: number
): { first: number; last: number } {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - spare);
  const last = Math.min(
    count - 1,
    Math.ceil((scrollTop + viewHeight) / rowHeight) + spare
  );
  return { first: Math.min(first, Math.max(0, count - 1)), last };
}
