// Generated from the operations by `make types`; do not edit.

/** A float in JSON: what JSON has no word for travels as a string. */
export type Float = number | 'NaN' | 'Infinity' | '-Infinity';

/** Sends one request below the API's base and gives the parsed answer. */
export type Requester = <T>(
  method: string,
  path: string,
  query?: Record<string, unknown>,
  body?: unknown
) => Promise<T>;

/** A file kept with a run. */
export interface Artifact {
  name: string;
  size_bytes: number;
  media_type: string;
  /** BLAKE2b-256 of the content, hex. */
  hash: string;
  created: string;
}

/** One param, metric or tag across the compared runs; null where a run lacks it. */
export interface ComparedValues {
  key: string;
  values: unknown[];
  differs: boolean;
  /** Place of the best value, for metrics: the greatest; the least of a loss or an error. */
  best: number | null;
}

/** Runs side by side; what differs comes first. */
export interface Comparison {
  runs: Run[];
  params: ComparedValues[];
  metrics: ComparedValues[];
  tags: ComparedValues[];
  git: ComparedValues[];
}

/** A series of runs about one question. */
export interface Experiment {
  id: string;
  name: string;
  description: string | null;
  tags: Record<string, string>;
  created: string;
  run_count: number;
  last_activity: string | null;
}

/** The repository a run was started in. */
export interface GitState {
  commit: string | null;
  branch: string | null;
  dirty: boolean | null;
}

/** A piece of long work, as it was when it was read. */
export interface Job {
  id: string;
  kind: string;
  status:
    'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted';
  /** From 0 to 1; null where it cannot be told. */
  progress: number | null;
  message: string | null;
  /** What it found, once it is done. */
  result: unknown | null;
  /** Code, message, hint and details, if it failed. */
  error: unknown | null;
  created: string;
  started: string | null;
  ended: string | null;
}

/** Content that is here. */
export interface KeptContent {
  hash: string;
  size_bytes: number;
  /** What an artifact's record names. */
  location: string;
}

/** The state of one metric of a run. */
export interface Metric {
  name: string;
  /** Value logged last. */
  value: Float;
  step: number | string;
  time: string;
  /** Least value, NaN left out; null if all were NaN. */
  min: Float | null;
  max: Float | null;
  /** Points logged. */
  count: number;
  /** At most 32 values, in order, for a sparkline. */
  spark: Float[];
}

/** Points of one metric in the order logged; thinned to `max_points` if that was asked. */
export interface MetricHistory {
  name: string;
  /** Points logged, before thinning. */
  count: number;
  items: MetricPoint[];
  next: string | null;
}

/** One logged value. */
export interface MetricPoint {
  step: number | string;
  time: string;
  value: Float;
}

export interface ExperimentPage {
  items: Experiment[];
  next: string | null;
}

export interface JobPage {
  items: Job[];
  next: string | null;
}

export interface MetricPage {
  items: Metric[];
  next: string | null;
}

export interface RunPage {
  items: Run[];
  next: string | null;
}

export interface WorkspaceViewPage {
  items: WorkspaceView[];
  next: string | null;
}

/** A recorded run, as it was when it was read. */
export interface Run {
  id: string;
  name: string;
  experiment_id: string;
  experiment: string;
  status: 'running' | 'finished' | 'failed' | 'interrupted' | 'cancelled';
  started: string;
  ended: string | null;
  parent_id: string | null;
  notes: string | null;
  params: Record<string, unknown>;
  /** Value logged last, by name. */
  metrics: Record<string, Float>;
  tags: Record<string, string>;
  artifacts: Artifact[];
  git: GitState | null;
  /** Fingerprint of the notebook or script when the run started. */
  code: string | null;
  /** The notebook or script. */
  source: string | null;
  user: string | null;
  host: string | null;
  python: string | null;
  /** The metric logged last. */
  newest_metric: Metric | null;
}

/** How far a journal has arrived. */
export interface TakenJournal {
  /** The number of its last record here; if that is not the stretch's, nothing was taken. */
  drained: number;
}

/** A workspace as a server offers it. */
export interface WorkspaceView {
  /** Names it in requests: `?workspace=ID`. */
  id: string;
  name: string;
  /** Its folder relative to the served folder; null outside of it. */
  path: string | null;
  /** Its folder on the server's machine. */
  root: string;
  /** False: it is made by the first thing recorded. */
  exists: boolean;
  /** Which rule found it. */
  why: string;
}

/** Which job to cancel. */
export interface CancelJob {
  /** A job's id, or its last 6 digits. */
  id: string;
}

/** Which runs, side by side. */
export interface CompareRuns {
  /** Two runs or more. */
  id: string[];
}

/** Make an experiment. */
export interface CreateExperiment {
  name: string;
  description?: string | null;
  tags?: Record<string, string>;
}

/** Which run ends, and how. */
export interface EndRun {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  status?: 'finished' | 'failed' | 'interrupted' | 'cancelled';
}

/** Which content. */
export interface FindContent {
  /** BLAKE2b-256 of the bytes, hex. */
  hash: string;
}

/** Which file of which run. */
export interface GetArtifact {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  /** Its name in the run, with slashes. */
  name: string;
}

/** Which experiment. */
export interface GetExperiment {
  /** An experiment's name or id. */
  id: string;
}

/** Which job to show. */
export interface GetJob {
  /** A job's id, or its last 6 digits. */
  id: string;
}

/** Which metric, and how many of its points. */
export interface GetMetricHistory {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  name: string;
  /** Thin to at most so many points, keeping the extremes. */
  max_points?: number | null;
  /** The `next` of the page before. */
  after?: string | null;
  limit?: number;
}

/** Which run. */
export interface GetRun {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
}

/** Bytes to keep under their hash. */
export interface KeepContent {
  /** BLAKE2b-256 of the bytes, hex. */
  hash: string;
  /** A file of this machine. */
  path: string;
}

/** Which page of experiments. */
export interface ListExperiments {
  /** Items in a page. */
  limit?: number;
  /** The `next` of the page before. */
  after?: string | null;
}

/** Which jobs to list, newest first. */
export interface ListJobs {
  status?:
    | 'queued'
    | 'running'
    | 'done'
    | 'failed'
    | 'cancelled'
    | 'interrupted'
    | null;
  /** Items in a page. */
  limit?: number;
  /** The `next` of the page before. */
  after?: string | null;
}

/** Which page of which experiment's runs. */
export interface ListRuns {
  /** An experiment's name or id. */
  id: string;
  /** Items in a page. */
  limit?: number;
  /** The `next` of the page before. */
  after?: string | null;
}

/** Nothing has to be said. */
export type ListWorkspaces = Record<string, never>;

/** A file to keep with a run. */
export interface LogArtifact {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  /** A file of this machine. */
  path: string;
  /** Its name in the run; by default the file's name. */
  name?: string | null;
}

/** One value of a metric. */
export interface LogMetric {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  key: string;
  value: Float;
  /** By default the last step of this metric + 1. */
  step?: number | string | null;
  /** By default now. */
  time?: string | null;
}

/** Several metrics at one step. */
export interface LogMetrics {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  metrics: Record<string, Float>;
  step?: number | string | null;
  time?: string | null;
}

/** One param. */
export interface LogParam {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  key: string;
  value: unknown;
}

/** Several params. */
export interface LogParams {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  params: Record<string, unknown>;
}

/** Which notebook or folder. */
export interface ResolveWorkspace {
  /** A notebook or folder, relative to the served folder. */
  path?: string;
}

/** Which run goes on. */
export interface ResumeRun {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
}

/** A query in the search language, and which page. */
export interface SearchRuns {
  /** Like: metrics.auc > 0.9 and params.model = "xgb". */
  query?: string;
  experiment?: string | null;
  /** Items in a page. */
  limit?: number;
  /** The `next` of the page before. */
  after?: string | null;
}

/** Where a run's code came from. */
export interface SetProvenance {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  git?: GitState | null;
  /** Fingerprint of the notebook or script. */
  code?: string | null;
}

/** One tag. */
export interface SetTag {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  key: string;
  /** null removes the tag. */
  value?: string | null;
}

/** Several tags. */
export interface SetTags {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  tags: Record<string, string | null>;
}

/** What a new run begins with. */
export interface StartRun {
  /** Name or id of the experiment; a new name makes a new experiment. */
  id: string;
  name?: string | null;
  tags?: Record<string, string>;
  params?: Record<string, unknown>;
  notes?: string | null;
  /** The run this one is nested in. */
  parent_id?: string | null;
  /** An id made by the caller, so that a request sent twice starts one run. */
  run_id?: string | null;
  /** The notebook or script that starts it. */
  source?: string | null;
}

/** A stretch of the journal of a process on another machine. */
export interface TakeJournal {
  /** The name of the journal. */
  writer: string;
  /** The stretch, in the format of docs/explanation/journal-format.md. */
  path: string;
}

/** What changes about a run; what is left out stays. */
export interface UpdateRun {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  name?: string | null;
  /** Markdown; an empty text removes the notes. */
  notes?: string | null;
}

/** Make an experiment; a conflict if there is one of that name. */
export function experimentsCreate(
  request: Requester,
  ask: CreateExperiment
): Promise<Experiment> {
  return request<Experiment>('POST', '/experiments', undefined, ask);
}

/** List experiments, the one with the newest activity first. */
export function experimentsList(
  request: Requester,
  ask: ListExperiments = {}
): Promise<ExperimentPage> {
  return request<ExperimentPage>('GET', '/experiments', { ...ask });
}

/** Show an experiment. */
export function experimentsGet(
  request: Requester,
  ask: GetExperiment
): Promise<Experiment> {
  return request<Experiment>(
    'GET',
    `/experiments/${encodeURIComponent(ask.id)}`
  );
}

/** Start a run that lives until it is ended by name or id. */
export function runsStart(request: Requester, ask: StartRun): Promise<Run> {
  const { id: _id, ...rest } = ask;
  return request<Run>(
    'POST',
    `/experiments/${encodeURIComponent(_id)}/runs`,
    undefined,
    rest
  );
}

/** List the runs of an experiment, newest first. */
export function runsList(request: Requester, ask: ListRuns): Promise<RunPage> {
  const { id: _id, ...rest } = ask;
  return request<RunPage>(
    'GET',
    `/experiments/${encodeURIComponent(_id)}/runs`,
    { ...rest }
  );
}

/** Find runs by the search language. */
export function runsSearch(
  request: Requester,
  ask: SearchRuns = {}
): Promise<RunPage> {
  return request<RunPage>('GET', '/runs/search', { ...ask });
}

/** Compare two runs or more; what differs comes first. */
export function runsCompare(
  request: Requester,
  ask: CompareRuns
): Promise<Comparison> {
  return request<Comparison>('GET', '/runs/compare', { ...ask });
}

/** Show a run. */
export function runsGet(request: Requester, ask: GetRun): Promise<Run> {
  return request<Run>('GET', `/runs/${encodeURIComponent(ask.id)}`);
}

/** Let an ended run go on; it is running until it is ended again. */
export function runsResume(request: Requester, ask: ResumeRun): Promise<Run> {
  return request<Run>('POST', `/runs/${encodeURIComponent(ask.id)}/resume`);
}

/** Rename a run or change its notes. */
export function runsUpdate(request: Requester, ask: UpdateRun): Promise<Run> {
  const { id: _id, ...rest } = ask;
  return request<Run>(
    'PATCH',
    `/runs/${encodeURIComponent(_id)}`,
    undefined,
    rest
  );
}

/** Record one value of a metric. */
export function runsLogMetric(
  request: Requester,
  ask: LogMetric
): Promise<void> {
  const { id: _id, ...rest } = ask;
  return request<void>(
    'POST',
    `/runs/${encodeURIComponent(_id)}/metrics`,
    undefined,
    rest
  );
}

/** Record several metrics at one step. */
export function runsLogMetrics(
  request: Requester,
  ask: LogMetrics
): Promise<void> {
  const { id: _id, ...rest } = ask;
  return request<void>(
    'POST',
    `/runs/${encodeURIComponent(_id)}/metrics/batch`,
    undefined,
    rest
  );
}

/** List the metrics of a run: latest, least and greatest value, count. */
export function runsMetrics(
  request: Requester,
  ask: GetRun
): Promise<MetricPage> {
  return request<MetricPage>(
    'GET',
    `/runs/${encodeURIComponent(ask.id)}/metrics`
  );
}

/** Read the points of a metric in the order logged. */
export function runsMetricHistory(
  request: Requester,
  ask: GetMetricHistory
): Promise<MetricHistory> {
  const { id: _id, name: _name, ...rest } = ask;
  return request<MetricHistory>(
    'GET',
    `/runs/${encodeURIComponent(_id)}/metrics/${encodeURIComponent(_name)}`,
    { ...rest }
  );
}

/** Record a param; logged again, the last value shows. */
export function runsLogParam(request: Requester, ask: LogParam): Promise<void> {
  const { id: _id, ...rest } = ask;
  return request<void>(
    'POST',
    `/runs/${encodeURIComponent(_id)}/params`,
    undefined,
    rest
  );
}

/** Record params; nested objects are flattened by dots. */
export function runsLogParams(
  request: Requester,
  ask: LogParams
): Promise<void> {
  const { id: _id, ...rest } = ask;
  return request<void>(
    'POST',
    `/runs/${encodeURIComponent(_id)}/params/batch`,
    undefined,
    rest
  );
}

/** Set a tag of a run; without a value, remove it. */
export function runsSetTag(request: Requester, ask: SetTag): Promise<void> {
  const { id: _id, ...rest } = ask;
  return request<void>(
    'POST',
    `/runs/${encodeURIComponent(_id)}/tags`,
    undefined,
    rest
  );
}

/** Set tags of a run; null removes one. */
export function runsSetTags(request: Requester, ask: SetTags): Promise<void> {
  const { id: _id, ...rest } = ask;
  return request<void>(
    'POST',
    `/runs/${encodeURIComponent(_id)}/tags/batch`,
    undefined,
    rest
  );
}

/** Keep a copy of a file with a run. Path only: bytes travel by hand. */
export function runsLogArtifactPath(ask: { id: string }): string {
  return `/runs/${encodeURIComponent(ask.id)}/artifacts`;
}

/** Download an artifact. Path only: bytes travel by hand. */
export function runsArtifactPath(ask: { id: string; name: string }): string {
  return `/runs/${encodeURIComponent(ask.id)}/artifacts/${encodeURIComponent(ask.name)}`;
}

/** Tell the state of the repository and the fingerprint of the code a run was started with. */
export function runsSetProvenance(
  request: Requester,
  ask: SetProvenance
): Promise<void> {
  const { id: _id, ...rest } = ask;
  return request<void>(
    'PUT',
    `/runs/${encodeURIComponent(_id)}/provenance`,
    undefined,
    rest
  );
}

/** End a run; a conflict if it has ended already. */
export function runsEnd(request: Requester, ask: EndRun): Promise<Run> {
  const { id: _id, ...rest } = ask;
  return request<Run>(
    'POST',
    `/runs/${encodeURIComponent(_id)}/end`,
    undefined,
    rest
  );
}

/** List jobs, newest first. */
export function jobsList(
  request: Requester,
  ask: ListJobs = {}
): Promise<JobPage> {
  return request<JobPage>('GET', '/jobs', { ...ask });
}

/** Show a job: its status, progress, and its result or error. */
export function jobsGet(request: Requester, ask: GetJob): Promise<Job> {
  return request<Job>('GET', `/jobs/${encodeURIComponent(ask.id)}`);
}

/** Cancel a job: at once if it is queued, else as soon as it looks. */
export function jobsCancel(request: Requester, ask: CancelJob): Promise<void> {
  return request<void>('DELETE', `/jobs/${encodeURIComponent(ask.id)}`);
}

/** List the workspaces under this folder that were used from here. */
export function workspacesList(request: Requester): Promise<WorkspaceViewPage> {
  return request<WorkspaceViewPage>('GET', '/workspaces');
}

/** Tell which workspace a notebook belongs to. */
export function workspacesResolve(
  request: Requester,
  ask: ResolveWorkspace = {}
): Promise<WorkspaceView> {
  return request<WorkspaceView>('GET', '/workspaces/resolve', { ...ask });
}

/** Take a stretch of the journal of a process on another machine, if it follows what is here. Path only: bytes travel by hand. */
export function journalTakePath(ask: { writer: string }): string {
  return `/journal/${encodeURIComponent(ask.writer)}`;
}

/** Keep the content of artifacts that a journal will tell of. Path only: bytes travel by hand. */
export function contentKeepPath(ask: { hash: string }): string {
  return `/content/${encodeURIComponent(ask.hash)}`;
}

/** Tell whether content is here, so that it need not be sent. */
export function contentFind(
  request: Requester,
  ask: FindContent
): Promise<KeptContent> {
  return request<KeptContent>(
    'GET',
    `/content/${encodeURIComponent(ask.hash)}`
  );
}
