/** Columns of the runs table: what they are called, what stands in them, how the search names them. */

import type { Run } from '../services/api';
import { toNumber } from './numbers';

export type ColumnGroup = 'run' | 'metrics' | 'params' | 'tags';

/** A column by its key: `metrics.auc`, `params.depth`, `tags.owner`, `run.started`. */
export interface Column {
  readonly key: string;
  readonly group: ColumnGroup;
  readonly name: string;
}

/** Facts of a run that can be columns; the name always is one. */
export const ATTRIBUTES = [
  'status',
  'experiment',
  'group',
  'started',
  'duration',
  'ended',
  'user',
  'host',
  'source',
  'branch',
  'commit',
  'python',
  'notes',
  'parent',
  'id'
] as const;

/** Attributes that the search language knows. */
const SORTABLE: ReadonlySet<string> = new Set([
  'name',
  'status',
  'experiment',
  'group',
  'id',
  'parent',
  'user',
  'host',
  'notes',
  'started',
  'ended',
  'duration'
]);

/** Read a key; null for what is none. */
export function columnOf(key: string): Column | null {
  const dot = key.indexOf('.');
  const group = key.slice(0, dot);
  const name = key.slice(dot + 1);
  if (dot < 0 || name === '') {
    return null;
  }
  return group === 'run' ||
    group === 'metrics' ||
    group === 'params' ||
    group === 'tags'
    ? { key, group, name }
    : null;
}

/** What stands in a cell: null where the run has nothing there. */
export function cellOf(run: Run, column: Column, now = NaN): unknown {
  const { name } = column;
  switch (column.group) {
    case 'metrics':
      return name in run.metrics ? toNumber(run.metrics[name]) : null;
    case 'params':
      return name in run.params ? run.params[name] : null;
    case 'tags':
      return name in run.tags ? run.tags[name] : null;
    case 'run':
      return attributeOf(run, name, now);
  }
}

function attributeOf(run: Run, name: string, now: number): unknown {
  switch (name) {
    case 'name':
      return run.name;
    case 'status':
      return run.status;
    case 'experiment':
      return run.experiment;
    case 'group':
      return run.group;
    case 'started':
      return run.started;
    case 'ended':
      return run.ended;
    case 'duration': {
      const end = run.ended === null ? now : Date.parse(run.ended);
      return Number.isFinite(end) ? end - Date.parse(run.started) : null;
    }
    case 'user':
      return run.user;
    case 'host':
      return run.host;
    case 'source':
      return run.source;
    case 'branch':
      return run.git?.branch ?? null;
    case 'commit':
      return run.git?.commit ?? null;
    case 'python':
      return run.python;
    case 'notes':
      return run.notes === '' ? null : run.notes;
    case 'parent':
      return run.parent_id;
    case 'id':
      return run.id;
    default:
      return null;
  }
}

/** How the search language names a column, or null where it can't be ordered by. */
export function fieldOf(column: Column): string | null {
  if (column.group === 'run') {
    return SORTABLE.has(column.name) ? column.name : null;
  }
  return `${column.group}.${quotedName(column.name)}`;
}

/** A name as the search language reads it: bare where it can be. */
export const quotedName = (name: string): string =>
  /^[\w\-/.]+$/.test(name) ? name : `\`${name.replaceAll('`', '``')}\``;

/** The column that a field of the search language stands for. */
export function columnOfField(field: string): string | null {
  const found = /^(metrics|params|tags)\.(.+)$/is.exec(field.trim());
  if (found === null) {
    const word = field.trim().toLowerCase();
    return SORTABLE.has(word) ? `run.${word}` : null;
  }
  const name = found[2];
  const quote = name[0];
  return `${found[1].toLowerCase()}.${
    '"\'`'.includes(quote) && name.endsWith(quote) && name.length > 1
      ? name.slice(1, -1).replaceAll(quote + quote, quote)
      : name
  }`;
}

/** The same in another order: one is taken out and put in elsewhere; what is no place changes nothing. */
export function moved<T>(all: readonly T[], from: number, to: number): T[] {
  const next = [...all];
  if (from in next && to in next) {
    next.splice(to, 0, ...next.splice(from, 1));
  }
  return next;
}

/** Numbers in words by their size: `fold 2` before `fold 10`. */
export const naturally = (a: string, b: string): number =>
  a.localeCompare(b, undefined, { numeric: true });

/** Whether numbers stand in a column: they are set to the right and can be drawn on an axis. */
export function isNumeric(column: Column, runs: Iterable<Run>): boolean {
  if (column.group === 'metrics' || column.key === 'run.duration') {
    return true;
  }
  if (column.group !== 'params') {
    return false;
  }
  let found = false;
  for (const run of runs) {
    const value = cellOf(run, column);
    if (value !== null && typeof value !== 'number') {
      return false;
    }
    found ||= value !== null;
  }
  return found;
}

/** Names of metrics, params and tags with the number of runs that have each, most common first. */
export interface Known {
  readonly metrics: readonly string[];
  readonly params: readonly string[];
  readonly tags: readonly string[];
  /** Values seen in short columns, by key; for completion and grouping. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** More values than this are no choice. */
const MAX_VALUES = 50;

export function knownOf(runs: Iterable<Run>): Known {
  const counts = {
    metrics: new Map<string, number>(),
    params: new Map<string, number>(),
    tags: new Map<string, number>()
  };
  const values = new Map<string, Set<string>>();
  const see = (key: string, value: string): void => {
    const seen = values.get(key) ?? new Set<string>();
    values.set(key, seen);
    if (seen.size <= MAX_VALUES && value.length <= 100) {
      seen.add(value);
    }
  };
  for (const run of runs) {
    see('run.status', run.status);
    see('run.experiment', run.experiment);
    for (const name of ['group', 'user', 'host'] as const) {
      const value = run[name];
      if (typeof value === 'string') {
        see(`run.${name}`, value);
      }
    }
    for (const group of ['metrics', 'params', 'tags'] as const) {
      const count = counts[group];
      for (const [name, value] of Object.entries(run[group])) {
        count.set(name, (count.get(name) ?? 0) + 1);
        if (group === 'tags' || (group === 'params' && isShort(value))) {
          see(`${group}.${name}`, String(value));
        }
      }
    }
  }
  const sorted = (count: Map<string, number>): string[] =>
    [...count.entries()]
      .sort(([a, left], [b, right]) => right - left || naturally(a, b))
      .map(([name]) => name);
  return {
    metrics: sorted(counts.metrics),
    params: sorted(counts.params),
    tags: sorted(counts.tags),
    values: new Map(
      [...values].map(([key, seen]) => [key, [...seen].sort(naturally)])
    )
  };
}

const isShort = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' ||
  typeof value === 'number' ||
  typeof value === 'boolean';

/** What a table shows before anybody chose: the commonest metrics, and the params that differ. */
export function defaultColumns(
  runs: readonly Run[],
  known: Known,
  hasSeveralExperiments: boolean
): string[] {
  const differing = known.params.filter(name => {
    const first = JSON.stringify(runs[0]?.params[name]);
    return runs.some(run => JSON.stringify(run.params[name]) !== first);
  });
  return [
    'run.started',
    'run.duration',
    ...(hasSeveralExperiments ? ['run.experiment'] : []),
    ...known.metrics.slice(0, 5).map(name => `metrics.${name}`),
    ...differing.slice(0, 5).map(name => `params.${name}`)
  ];
}
