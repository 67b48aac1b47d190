import type { Experiment, Run } from '../services/api';

/** The runs of one experiment as far as they were fetched. */
export interface Group {
  readonly experiment: Experiment;
  readonly expanded: boolean;
  readonly loading: boolean;
  readonly runs: readonly Run[];
  /** Whether the server has more of them. */
  readonly more: boolean;
}

export type Row =
  | {
      readonly type: 'experiment';
      readonly key: string;
      readonly experiment: Experiment;
      readonly expanded: boolean;
      readonly position: number;
      readonly siblings: number;
    }
  | {
      readonly type: 'run';
      readonly key: string;
      readonly run: Run;
      /** The metric to show where the run has it; null: the newest one. */
      readonly metric: string | null;
      /** Shown where the experiment's own row is not above. */
      readonly showExperiment: boolean;
      readonly level: number;
      readonly position: number;
      readonly siblings: number;
      /** The key of the row that this one stands beneath. */
      readonly parent: string | null;
      /** Whether the runs beneath it are shown; null: there are none. */
      readonly expanded: boolean | null;
      /** How many runs stand beneath it, not counting theirs. */
      readonly children: number;
    }
  | {
      /** Stands where further rows will be; seeing it asks for them. */
      readonly type: 'more';
      readonly key: string;
      readonly group: string | null;
      readonly loading: boolean;
    }
  | { readonly type: 'none'; readonly key: string };

export const experimentKey = (id: string): string => `experiment:${id}`;
export const runKey = (id: string): string => `run:${id}`;

/** Where a run stands among others: beneath the run that it is part of, if that is here too. */
export interface Nested {
  readonly run: Run;
  /** 0 at the top. */
  readonly depth: number;
  readonly parent: Run | null;
  /** Counted from 1, among those beneath the same parent. */
  readonly position: number;
  readonly siblings: number;
  readonly children: number;
}

/**
 * Runs with their parts beneath them; otherwise the order stays.
 *
 * A run whose parent is not among them stays at the top, and so do runs that name each other as
 * parents in a circle. What is beneath a run in `folded` is left out.
 */
export function nested(
  runs: readonly Run[],
  folded: ReadonlySet<string>
): Nested[] {
  const parents = parentsAmong(runs);
  const parts = new Map<Run | null, Run[]>();
  for (const run of runs) {
    const parent = parents.get(run) ?? null;
    const known = parts.get(parent);
    if (known === undefined) {
      parts.set(parent, [run]);
    } else {
      known.push(run);
    }
  }
  const arranged: Nested[] = [];
  const open = [{ parent: null as Run | null, next: 0 }];
  // By a list of what is open rather than by recursion: nobody says how deep runs are nested.
  while (open.length > 0) {
    const level = open[open.length - 1];
    const siblings = parts.get(level.parent) ?? [];
    if (level.next >= siblings.length) {
      open.pop();
      continue;
    }
    const run = siblings[level.next++];
    const children = parts.get(run)?.length ?? 0;
    arranged.push({
      run,
      depth: open.length - 1,
      parent: level.parent,
      position: level.next,
      siblings: siblings.length,
      children
    });
    if (children > 0 && !folded.has(run.id)) {
      open.push({ parent: run, next: 0 });
    }
  }
  return arranged;
}

/** Who of these runs is part of which; nobody in a circle is. */
function parentsAmong(runs: readonly Run[]): ReadonlyMap<Run, Run> {
  const byId = new Map(runs.map(run => [run.id, run]));
  const parents = new Map<Run, Run>();
  for (const run of runs) {
    const parent = run.parent_id === null ? null : byId.get(run.parent_id);
    if (parent) {
      parents.set(run, parent);
    }
  }
  // Upwards from each run, as far as nobody has gone before.
  const seen = new Set<Run>();
  for (const run of runs) {
    const way = new Set<Run>();
    let at: Run | undefined = run;
    while (at && !seen.has(at) && !way.has(at)) {
      way.add(at);
      at = parents.get(at);
    }
    if (at && way.has(at)) {
      for (let next: Run | undefined = at; next;) {
        const above: Run | undefined = parents.get(next);
        parents.delete(next);
        next = above;
      }
    }
    way.forEach(one => seen.add(one));
  }
  return parents;
}

/** A tree of experiments as the flat list that is drawn; runs in `folded` hide what is beneath them. */
export function treeRows(
  groups: readonly Group[],
  more: boolean,
  folded: ReadonlySet<string> = new Set()
): Row[] {
  const rows: Row[] = [];
  for (const [index, group] of groups.entries()) {
    const { experiment, expanded } = group;
    rows.push({
      type: 'experiment',
      key: experimentKey(experiment.id),
      experiment,
      expanded,
      position: index + 1,
      siblings: more ? -1 : groups.length
    });
    if (!expanded) {
      continue;
    }
    const arranged = nested(group.runs, folded);
    const top = arranged[0]?.siblings ?? 0;
    // Where runs are nested, nobody knows how many of those still to come stand at the top.
    const known = top === group.runs.length;
    const most = known ? Math.max(experiment.run_count, top) : -1;
    for (const {
      run,
      depth,
      parent,
      position,
      siblings,
      children
    } of arranged) {
      rows.push({
        type: 'run',
        key: runKey(run.id),
        run,
        metric: null,
        showExperiment: false,
        level: depth + 2,
        position,
        siblings: group.more && parent === null ? most : siblings,
        parent:
          parent === null ? experimentKey(experiment.id) : runKey(parent.id),
        expanded: children === 0 ? null : !folded.has(run.id),
        children
      });
    }
    if (group.more) {
      rows.push({
        type: 'more',
        key: `more:${experiment.id}`,
        group: experiment.id,
        loading: group.loading
      });
    } else if (group.runs.length === 0) {
      rows.push({ type: 'none', key: `none:${experiment.id}` });
    }
  }
  if (more) {
    rows.push({ type: 'more', key: 'more:', group: null, loading: false });
  }
  return rows;
}

/** Search results: in the server's order, each naming its experiment. */
export function resultRows(
  runs: readonly Run[],
  metric: string | null,
  more: boolean,
  loading: boolean
): Row[] {
  const rows: Row[] = runs.map((run, index) => ({
    type: 'run',
    key: runKey(run.id),
    run,
    metric,
    showExperiment: true,
    level: 1,
    position: index + 1,
    siblings: more ? -1 : runs.length,
    parent: null,
    expanded: null,
    children: 0
  }));
  if (more) {
    rows.push({ type: 'more', key: 'more:', group: null, loading });
  }
  return rows;
}

/** Which rows lie in view, with some more above and below; heights are even for each type. */
export function windowOf(
  rows: readonly Row[],
  heights: Readonly<Record<Row['type'], number>>,
  scrollTop: number,
  viewHeight: number,
  spare: number
): { first: number; last: number; above: number; below: number } {
  const from = scrollTop - spare;
  const to = scrollTop + viewHeight + spare;
  let first = -1;
  let last = -1;
  let above = 0;
  let at = 0;
  for (const [index, row] of rows.entries()) {
    const bottom = at + heights[row.type];
    if (bottom > from && first < 0) {
      first = index;
      above = at;
    }
    if (at < to) {
      last = index;
    }
    at = bottom;
  }
  if (first < 0) {
    return { first: 0, last: -1, above: 0, below: at };
  }
  let shown = 0;
  for (let index = first; index <= last; index++) {
    shown += heights[rows[index].type];
  }
  return { first, last, above, below: at - above - shown };
}

/** The order of a list of runs: the newest first, as the server has it. */
export function newestFirst(
  one: { id: string; started: string },
  other: { id: string; started: string }
): number {
  const later = Date.parse(other.started) - Date.parse(one.started);
  // Ids sort by the time they were made, finer than the milliseconds of a Date.
  return later !== 0 ? later : one.id < other.id ? 1 : -1;
}

/** A first page fetched again, over what is there: new ones come first, the rest stays. */
export function mergePage(
  known: readonly string[],
  page: readonly string[],
  complete: boolean
): string[] {
  if (complete) {
    return [...page];
  }
  const fresh = new Set(page);
  return [...page, ...known.filter(id => !fresh.has(id))];
}
