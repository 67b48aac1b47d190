/** What the server answers and takes, and one function per operation. */

export type Requester = <T>(
  method: string,
  path: string,
  query?: Record<string, unknown>,
  body?: unknown
) => Promise<T>;

/** A float in JSON: what JSON cannot say travels as a word. */
export type Float = number | 'NaN' | 'Infinity' | '-Infinity';

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface WorkspaceView {
  id: string;
  name: string;
  path: string | null;
  root: string;
  exists: boolean;
  why: string;
}

export interface Experiment {
  id: string;
  name: string;
  description: string | null;
  tags: Record<string, string>;
  created: string;
  run_count: number;
  last_activity: string | null;
}

export interface Metric {
  name: string;
  value: Float;
  step: number | string;
  time: string;
  min: Float | null;
  max: Float | null;
  count: number;
  spark: (Float | null)[];
}

export interface Artifact {
  name: string;
  size_bytes: number;
  media_type: string | null;
  hash: string;
  created: string;
}

export interface Git {
  commit: string | null;
  branch: string | null;
  dirty: boolean | null;
}

export interface Run {
  id: string;
  name: string;
  experiment_id: string;
  experiment: string;
  status: string;
  started: string;
  ended: string | null;
  parent_id: string | null;
  notes: string | null;
  params: Record<string, unknown>;
  metrics: Record<string, Float>;
  tags: Record<string, string>;
  artifacts: Artifact[];
  git: Git | null;
  code: string | null;
  source: string | null;
  user: string | null;
  host: string | null;
  python: string | null;
  newest_metric: Metric | null;
}

export interface MetricPoint {
  step: number | string;
  time: string;
  value: Float;
}

export interface MetricHistory {
  name: string;
  count: number;
  items: MetricPoint[];
  next: string | null;
}

const at = encodeURIComponent;

export const workspacesList = (
  request: Requester,
  ask: { limit?: number; after?: string }
): Promise<Page<WorkspaceView>> => request('GET', '/workspaces', { ...ask });

export const workspacesResolve = (
  request: Requester,
  ask: { path?: string }
): Promise<WorkspaceView> => request('GET', '/workspaces/resolve', { ...ask });

export const experimentsList = (
  request: Requester,
  ask: { limit?: number; after?: string }
): Promise<Page<Experiment>> => request('GET', '/experiments', { ...ask });

export const runsList = (
  request: Requester,
  ask: { id: string; limit?: number; after?: string }
): Promise<Page<Run>> => {
  const { id, ...query } = ask;
  return request('GET', `/experiments/${at(id)}/runs`, query);
};

export const runsSearch = (
  request: Requester,
  ask: { query?: string; experiment?: string; limit?: number; after?: string }
): Promise<Page<Run>> => request('GET', '/runs/search', { ...ask });

export const runsGet = (
  request: Requester,
  ask: { id: string }
): Promise<Run> => request('GET', `/runs/${at(ask.id)}`);

export const runsMetrics = (
  request: Requester,
  ask: { id: string; limit?: number; after?: string }
): Promise<Page<Metric>> => {
  const { id, ...query } = ask;
  return request('GET', `/runs/${at(id)}/metrics`, query);
};

export const runsMetricHistory = (
  request: Requester,
  ask: { id: string; name: string; max_points?: number }
): Promise<MetricHistory> => {
  const { id, name, ...query } = ask;
  return request('GET', `/runs/${at(id)}/metrics/${at(name)}`, query);
};
