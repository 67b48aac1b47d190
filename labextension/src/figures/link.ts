/** Addresses of what is shown: `?nbproof=<place>` opens the same again. */

import type { Axis, Range } from './overlay';
import type { Sort } from './search';

/** How the charts beside the runs are set. */
export interface ChartsState {
  readonly plot: Plot;
  readonly axis: Axis;
  readonly isLog: boolean;
  readonly smoothing: number;
  /** Part of the names of the metrics that are drawn. */
  readonly find: string;
  /** Columns of the scatter and box plots; empty: what seems best. */
  readonly x: string;
  readonly y: string;
  readonly by: string;
  /** Metrics of which a stretch of the axis is shown. */
  readonly zooms: readonly Zoom[];
}

export interface Zoom {
  readonly metric: string;
  readonly range: Range;
}

export type Plot = 'curves' | 'parallel' | 'scatter' | 'box';
export type Layout = 'table' | 'both' | 'charts';

/** What the runs table shows. */
export interface TableState {
  readonly query: string;
  readonly experiment: string | null;
  readonly sort: Sort | null;
  /** Null as long as nobody has chosen. */
  readonly columns: readonly string[] | null;
  readonly group: string | null;
  readonly selected: readonly string[];
  readonly pinned: readonly string[];
  readonly hidden: readonly string[];
  readonly layout: Layout;
  readonly charts: ChartsState;
}

export type CompareTab = 'table' | Plot;

export interface CompareState {
  readonly runs: readonly string[];
  readonly tab: CompareTab;
  readonly onlyDifferent: boolean;
  readonly charts: ChartsState;
}

export const RUN_TABS = [
  'overview',
  'charts',
  'params',
  'artifacts',
  'environment',
  'code',
  'lineage'
] as const;
export type RunTab = (typeof RUN_TABS)[number];

export const DATASET_TABS = [
  'columns',
  'versions',
  'compare',
  'lineage'
] as const;
export type DatasetTab = (typeof DATASET_TABS)[number];

/** A place in nbproof, in one workspace. */
export type Place =
  | {
      readonly kind: 'runs';
      readonly workspace: string;
      readonly state: TableState;
    }
  | {
      readonly kind: 'compare';
      readonly workspace: string;
      readonly state: CompareState;
    }
  | {
      readonly kind: 'run';
      readonly workspace: string;
      readonly run: string;
      readonly tab: RunTab;
      /** The artifact that is looked into; empty: the first. */
      readonly artifact: string;
      readonly charts: ChartsState;
    }
  | {
      readonly kind: 'dataset';
      readonly workspace: string;
      /** The dataset's name: `sales`, or one of its versions: `sales@v3`. */
      readonly dataset: string;
      readonly tab: DatasetTab;
      /** What it is compared with; empty: the version before. */
      readonly against: string;
    };

export const CHARTS: ChartsState = {
  plot: 'curves',
  axis: 'step',
  isLog: false,
  smoothing: 0,
  find: '',
  x: '',
  y: '',
  by: '',
  zooms: []
};

/** The stretch that is shown of a metric; null shows all. */
export const zoomOf = ({ zooms }: ChartsState, metric: string): Range | null =>
  zooms.find(one => one.metric === metric)?.range ?? null;

/** Show a stretch of a metric and leave the others as they are; null shows all of it. */
export const withZoom = (
  { zooms }: ChartsState,
  metric: string,
  range: Range | null
): readonly Zoom[] => [
  ...zooms.filter(one => one.metric !== metric),
  ...(range === null ? [] : [{ metric, range }])
];

export const TABLE: TableState = {
  query: '',
  experiment: null,
  sort: null,
  columns: null,
  group: null,
  selected: [],
  pinned: [],
  hidden: [],
  layout: 'table',
  charts: CHARTS
};

export const COMPARE: CompareState = {
  runs: [],
  tab: 'table',
  onlyDifferent: false,
  charts: CHARTS
};

/** A place as text: `runs?workspace=…&query=…`; what is as by default is left out. */
export function placeText(place: Place): string {
  const words = new URLSearchParams();
  const put = (key: string, value: string): void => {
    if (value !== '') {
      words.append(key, value);
    }
  };
  put('workspace', place.workspace);
  switch (place.kind) {
    case 'run':
      put('run', place.run);
      put('tab', place.tab === 'overview' ? '' : place.tab);
      put('artifact', place.artifact);
      putCharts(put, place.charts);
      break;
    case 'dataset':
      put('dataset', place.dataset);
      put('tab', place.tab === 'columns' ? '' : place.tab);
      put('against', place.against);
      break;
    case 'compare': {
      const { state } = place;
      put('runs', state.runs.join(' '));
      put('tab', state.tab === 'table' ? '' : state.tab);
      put('differing', state.onlyDifferent ? '1' : '');
      putCharts(put, state.charts);
      break;
    }
    case 'runs': {
      const { state } = place;
      put('query', state.query);
      put('experiment', state.experiment ?? '');
      put(
        'sort',
        state.sort === null
          ? ''
          : `${state.sort.descending ? '-' : ''}${state.sort.column}`
      );
      for (const column of state.columns ?? []) {
        put('column', column);
      }
      put('group', state.group ?? '');
      put('selected', state.selected.join(' '));
      put('pinned', state.pinned.join(' '));
      put('hidden', state.hidden.join(' '));
      put('layout', state.layout === 'table' ? '' : state.layout);
      putCharts(put, state.charts);
      break;
    }
  }
  const text = words.toString();
  return text === '' ? place.kind : `${place.kind}?${text}`;
}

function putCharts(
  put: (key: string, value: string) => void,
  charts: ChartsState
): void {
  put('plot', charts.plot === 'curves' ? '' : charts.plot);
  put('axis', charts.axis === 'step' ? '' : charts.axis);
  put('log', charts.isLog ? '1' : '');
  put('smooth', charts.smoothing > 0 ? String(charts.smoothing) : '');
  put('find', charts.find);
  put('x', charts.x);
  put('y', charts.y);
  put('by', charts.by);
  for (const { metric, range } of charts.zooms) {
    put('zoom', `${range.join(' ')} ${metric}`);
  }
}

/** Read a place; what is not understood is as by default, an unknown kind gives null. */
export function placeOf(text: string): Place | null {
  const mark = text.indexOf('?');
  const kind = mark < 0 ? text : text.slice(0, mark);
  const words = new URLSearchParams(mark < 0 ? '' : text.slice(mark + 1));
  const get = (key: string): string => words.get(key) ?? '';
  const ids = (key: string): string[] =>
    get(key)
      .split(' ')
      .filter(id => /^[0-9a-f]{32}$/.test(id));
  const workspace = get('workspace');
  switch (kind) {
    case 'run':
      return get('run') === ''
        ? null
        : {
            kind,
            workspace,
            run: get('run'),
            tab: oneOf(RUN_TABS, get('tab'), 'overview'),
            artifact: get('artifact'),
            charts: chartsOf(words)
          };
    case 'dataset':
      return get('dataset') === ''
        ? null
        : {
            kind,
            workspace,
            dataset: get('dataset'),
            tab: oneOf(DATASET_TABS, get('tab'), 'columns'),
            against: get('against')
          };
    case 'compare':
      return {
        kind,
        workspace,
        state: {
          runs: ids('runs'),
          tab: oneOf(
            ['table', 'curves', 'parallel', 'scatter', 'box'],
            get('tab'),
            'table'
          ),
          onlyDifferent: get('differing') === '1',
          charts: chartsOf(words)
        }
      };
    case 'runs': {
      const sort = get('sort');
      const columns = words.getAll('column');
      return {
        kind,
        workspace,
        state: {
          query: get('query'),
          experiment: get('experiment') || null,
          sort:
            sort === ''
              ? null
              : {
                  column: sort.replace(/^-/, ''),
                  descending: sort.startsWith('-')
                },
          columns: columns.length > 0 ? columns : null,
          group: get('group') || null,
          selected: ids('selected'),
          pinned: ids('pinned'),
          hidden: ids('hidden'),
          layout: oneOf(['table', 'both', 'charts'], get('layout'), 'table'),
          charts: chartsOf(words)
        }
      };
    }
    default:
      return null;
  }
}

function chartsOf(words: URLSearchParams): ChartsState {
  const get = (key: string): string => words.get(key) ?? '';
  const smoothing = Number(get('smooth'));
  return {
    plot: oneOf(
      ['curves', 'parallel', 'scatter', 'box'],
      get('plot'),
      'curves'
    ),
    axis: oneOf(['step', 'time', 'relative'], get('axis'), 'step'),
    isLog: get('log') === '1',
    smoothing: smoothing > 0 && smoothing < 1 ? smoothing : 0,
    find: get('find'),
    x: get('x'),
    y: get('y'),
    by: get('by'),
    zooms: words.getAll('zoom').flatMap(zoomIn)
  };
}

/** `10 40.5 val/loss`: from, to and the metric's name. */
function zoomIn(text: string): readonly Zoom[] {
  const [, from, to, metric] = /^(\S+) (\S+) (.+)$/s.exec(text) ?? [];
  const range = [Number(from), Number(to)] as const;
  return range.every(Number.isFinite) && range[0] < range[1]
    ? [{ metric, range }]
    : [];
}

function oneOf<T extends string>(
  choices: readonly T[],
  word: string,
  otherwise: T
): T {
  return choices.find(choice => choice === word) ?? otherwise;
}
