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
      readonly level: 1 | 2;
      readonly position: number;
      readonly siblings: number;
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

/** A tree of experiments as the flat list that is drawn. */
export function treeRows(groups: readonly Group[], more: boolean): Row[] {
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
    const siblings = group.more
      ? Math.max(experiment.run_count, group.runs.length)
      : group.runs.length;
    for (const [place, run] of group.runs.entries()) {
      rows.push({
        type: 'run',
        key: runKey(run.id),
        run,
        metric: null,
        showExperiment: false,
        level: 2,
        position: place + 1,
        siblings
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
    siblings: more ? -1 : runs.length
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
