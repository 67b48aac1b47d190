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

/** One version of a file, or of something like it, kept with a run. */
export interface Artifact {
  name: string;
  /** Counted by name, from 1; `name@v1` means it for ever. */
  version: number;
  /** file, image, figure, table, text, data, html, histogram, audio, video, folder, or what the caller said. */
  kind: string;
  /** 0 for a reference whose size is not known. */
  size_bytes: number;
  media_type: string;
  /** BLAKE3-256 of the content, hex; empty for a reference that was not read. */
  hash: string;
  created: string;
  step: number | string | null;
  metadata: Record<string, unknown>;
  /** Path or address of content that is not kept here, but named. */
  reference: string | null;
}

/** What an artifact is, in a few plain values; what its kind does not have is null or empty. */
export interface ArtifactPreview {
  name: string;
  version: number;
  kind: string;
  media_type: string;
  size_bytes: number;
  shows: 'text' | 'table' | 'image' | 'histogram' | 'reference' | 'nothing';
  /** The head of a text, of HTML and SVG too. */
  text: string | null;
  columns: PreviewColumn[];
  /** The head of a table. */
  rows: unknown[][];
  /** Of the whole table, where it is known. */
  row_count: number | null;
  /** A picture of at most 1 MB, as a data: address. */
  image: string | null;
  /** Every version of a histogram, thinned evenly to 500. */
  histograms: Histogram[];
  /** There is more than is shown. */
  truncated: boolean;
  /** Of a picture, in pixels, where its head tells. */
  width: number | null;
  height: number | null;
  /** Why there is nothing to see. */
  note: string | null;
}

/** The statistics of a column before and now. */
export interface ChangedColumn {
  name: string;
  /** Arrow's, now. */
  type: string;
  /** Of the changed rows, those that differ here. */
  rows: number;
  before: Record<string, Float>;
  after: Record<string, Float>;
  /** Which of them differ. */
  changed: string[];
  /** Of its drift. */
  severity: 'none' | 'low' | 'medium' | 'high' | 'critical';
  /** What has drifted. */
  sentence: string;
}

/** A row that was and is. */
export interface ChangedRow {
  /** Its place before, from 0 on. */
  before: number;
  /** Its place now. */
  after: number;
  key: unknown;
  /** Before and now, of the columns that differ. */
  values: Record<string, unknown[]>;
}

/** The runs nested in a run, counted; those in the trash left out. */
export interface Children {
  id: string;
  /** Runs nested in it directly. */
  count: number;
  /** How many of these, by status. */
  statuses: Record<string, number>;
  /** Runs nested in it at any depth. */
  descendants: number;
  metrics: RolledMetric[];
}

/** How the code of some of the compared runs differs from that of the first. */
export interface CodeDifference {
  /** Places of the runs, which all have the same code. */
  runs: number[];
  /** Unified diff; null where nothing can be shown. */
  patch: string | null;
  /** What could not be shown, and why. */
  missing: string | null;
}

/** What has changed in a column, or that nothing has. */
export interface ColumnDriftView {
  name: string;
  kind: string;
  severity: 'none' | 'low' | 'medium' | 'high' | 'critical';
  score: Float;
  sentence: string;
  action: string;
  /** The worst first. */
  findings: DriftFinding[];
  test: string;
  statistic: Float | null;
  p_value: Float | null;
  /** After Benjamini and Hochberg, over all columns. */
  p_adjusted: Float | null;
  /** Which of the effects is the main one. */
  effect: string;
  effects: Record<string, Float>;
  threshold: Float | null;
  reference_count: number;
  current_count: number;
  too_few_rows: boolean;
  /** What so many rows show in four of five cases. */
  smallest_effect: Float | null;
  /** Of the bars, where it is numbers. */
  edges: Float[];
  /** Of the bars, where it is values. */
  labels: string[];
  /** The share of rows in each bar. */
  reference_bars: Float[];
  current_bars: Float[];
}

/** The statistics of the columns of a version. */
export interface ColumnSummaries {
  dataset: string;
  rows: number;
  columns: ColumnSummary[];
}

/** The statistics of a column. */
export interface ColumnSummary {
  name: string;
  type: string;
  /** numeric, boolean, datetime, categorical, text, nested or null. */
  kind: string;
  rows: number;
  missing: number;
  distinct: number;
  distinct_exact: boolean;
  /** Of numbers; times are microseconds since 1970. */
  mean: Float | null;
  std: Float | null;
  minimum: Float | null;
  lower_quartile: Float | null;
  median: Float | null;
  upper_quartile: Float | null;
  maximum: Float | null;
  /** Of the bars of a histogram. */
  edges: Float[];
  /** Rows in each bar. */
  bars: number[];
  /** The most frequent values. */
  top: unknown[][];
  /** The type in words. */
  type_words: string;
}

/** One metric of one of the compared runs; columns of equal length, thinned but for the extremes. */
export interface ComparedCourse {
  /** Place of the run in the comparison. */
  run: number;
  /** Points logged, before thinning. */
  count: number;
  steps: (number | string)[];
  /** Since the run started. */
  seconds: Float[];
  values: Float[];
  /** Where smoothing was asked. */
  smoothed: Float[];
}

/** The courses of one metric in the runs that have it: what an overlaid chart needs. */
export interface ComparedMetric {
  name: string;
  courses: ComparedCourse[];
}

/** One param, metric or tag across the compared runs; null where a run lacks it. */
export interface ComparedValues {
  key: string;
  values: unknown[];
  differs: boolean;
  /** Place of the best value of a metric: the least of a loss or an error, the greatest of a score such as auc; null where its name says neither. */
  best: number | null;
}

/** Runs side by side; what differs comes first. */
export interface Comparison {
  runs: Run[];
  params: ComparedValues[];
  metrics: ComparedValues[];
  tags: ComparedValues[];
  git: ComparedValues[];
  environment: ComparedValues[];
  /** Versions that differ. */
  packages: ComparedValues[];
  /** Packages that are the same in all. */
  same_packages: number;
  charts: ComparedMetric[];
  /** Metrics with a course that got no chart. */
  more_metrics: number;
  code_differences: CodeDifference[];
  /** Names of the runs that runs of one name are nested in, by id: what tells them apart. */
  parents: Record<string, string>;
}

/** Something that may be written in a search. */
export interface Completion {
  /** What takes the place of the text between `start` and `end`. */
  text: string;
  kind: 'field' | 'operator' | 'value' | 'word' | 'search';
  /** What it is, or how many of the newest runs have it. */
  detail: string | null;
}

/** What may be written at a place in a search. */
export interface Completions {
  /** Where the word that is being written begins, in characters from 0. */
  start: number;
  /** Where it ends: the place asked for. */
  end: number;
  items: Completion[];
}

/** What the content of datasets and artifacts takes. */
export interface ContentStats {
  /** Of datasets. */
  versions: number;
  /** Versions of artifacts of runs. */
  artifacts: number;
  /** Of all of these, as if each were kept alone. */
  logical_bytes: number;
  /** What differs, before compression. */
  unique_bytes: number;
  /** Of all packs. */
  stored_bytes: number;
  chunks: number;
  packs: number;
  /** Bytes of them for one that differs. */
  dedup_ratio: number | null;
  /** Bytes that differ for one in a pack. */
  compression_ratio: number | null;
  /** Where the packs are, if not in the workspace's folder. */
  place: string | null;
  /** Versions by reference. */
  referenced_versions: number;
  /** What they refer to: none of it is in the store. */
  referenced_bytes: number;
}

/** A name with its versions. */
export interface Dataset {
  id: string;
  name: string;
  description: string | null;
  versions: number;
  /** Number of the latest version. */
  latest: number | null;
  kind: 'table' | 'file' | 'folder' | null;
  rows: number | null;
  columns: number | null;
  files: number | null;
  /** Of the latest version. */
  size_bytes: number;
  /** What its versions added to the store, all together. */
  stored_bytes: number;
  /** Versions by their aliases. */
  aliases: Record<string, number>;
  created_at: string;
  updated_at: string | null;
  contract: unknown;
}

/** The contract of a dataset, or one that is proposed. */
export interface DatasetContract {
  dataset: string;
  /** As it is written down; null where there is none. */
  contract: unknown;
  /** Made from a version, and not in force. */
  proposed: boolean;
}

/** How two versions differ. */
export interface DatasetDiff {
  /** The older, such as sales@v1. */
  a: string;
  b: string;
  /** table, file, folder or reference. */
  kind: string;
  /** Whether nothing differs. */
  same: boolean;
  rows_before: number | null;
  rows_after: number | null;
  /** What names a row; none: all that it holds. */
  key: string[];
  /** Null where rows could not be compared. */
  rows_added: number | null;
  rows_removed: number | null;
  rows_changed: number | null;
  columns_added: DatasetField[];
  columns_removed: DatasetField[];
  columns_retyped: RetypedColumn[];
  /** Those of which rows or statistics differ. */
  columns: ChangedColumn[];
  /** The first of the changed rows. */
  changes: ChangedRow[];
  /** The first of the added rows. */
  added: Record<string, unknown>[];
  /** The first that are gone. */
  removed: Record<string, unknown>[];
  files_added: number;
  files_removed: number;
  files_changed: number;
  /** The first thousand. */
  files: FileChange[];
  bytes_before: number;
  bytes_after: number;
  /** What was not compared, and why. */
  notes: string[];
}

/** A column. */
export interface DatasetField {
  name: string;
  /** Arrow's, as text. */
  type: string;
  nullable: boolean;
  /** The type in words. */
  type_words: string;
}

/** A dataset version that a run read or wrote. */
export interface DatasetUse {
  /** Of the version. */
  id: string;
  /** Like `sales@v3`. */
  name: string;
  how: 'read' | 'wrote';
}

/** One state of a dataset. */
export interface DatasetVersion {
  id: string;
  /** Its name. */
  dataset: string;
  version: number;
  kind: 'table' | 'file' | 'folder';
  /** BLAKE3 of what the content is: equal for equal content. */
  digest: string;
  rows: number | null;
  columns: number | null;
  files: number | null;
  /** Of the content, as if it were kept alone. */
  size_bytes: number;
  /** What keeping it added to the store. */
  new_bytes: number;
  fields: DatasetField[];
  description: string | null;
  tags: Record<string, string>;
  aliases: string[];
  /** The path or address that it was read from. */
  source: string | null;
  /** Where content stays that was not copied (`target`), and by what it is known again. */
  reference: unknown;
  /** Of the contract, when it was registered. */
  breaches: string[];
  /** What has to be known of what was registered just now. */
  notes: string[];
  run_id: string | null;
  created_at: string;
  /** Nothing was registered: the latest version has this content. */
  unchanged: boolean;
  /** Its content was erased. */
  forgotten: boolean;
}

/** An edge of a picture, as SVG writes lines. */
export interface DrawnEdge {
  relation: string;
  path: string;
  /** Corners of the head of its arrow. */
  head: string;
  /** Where a word has room beside it. */
  x: number;
  y: number;
  /** It closes a ring, and leads from right to left. */
  back: boolean;
}

/** A node of a picture: where its middle lies, and how many nodes it stands for. */
export interface DrawnNode {
  kind: string;
  /** Null where it stands for several. */
  id: string | null;
  label: string;
  link: string | null;
  count: number;
  x: number;
  y: number;
}

/** One thing that has changed in a column. */
export interface DriftFinding {
  /** shift, missing, new, vanished, unit, type, spike, ... */
  code: string;
  severity: 'none' | 'low' | 'medium' | 'high' | 'critical';
  score: Float;
  sentence: string;
  action: string;
}

/** What has changed between two tables: in each column, and together. */
export interface DriftReport {
  id: string;
  /** What was compared with, such as sales@v1. */
  reference: string;
  current: string;
  /** Of the dataset version; null for a frame. */
  reference_id: string | null;
  current_id: string | null;
  severity: 'none' | 'low' | 'medium' | 'high' | 'critical';
  /** From 0 to 1: half the worst column's, half the mean of all. */
  score: Float;
  /** Of the columns, those of medium severity or more. */
  share_drifted: Float;
  sentence: string;
  action: string;
  /** Whether the data were read, not their stored profiles. */
  exact: boolean;
  reference_rows: number;
  current_rows: number;
  columns: ColumnDriftView[];
  /** Where the data were read. */
  together: DriftTogether | null;
  run_id: string | null;
  created_at: string;
}

/** How well new rows can be told from old ones by all columns together. */
export interface DriftTogether {
  auc: Float;
  severity: 'none' | 'low' | 'medium' | 'high' | 'critical';
  sentence: string;
  action: string;
  causes: unknown[][];
  left_out: string[];
}

/** What became of edges. */
export interface EdgesAdded {
  /** So many are new. */
  added: number;
  /** So many were there already; they are marked as seen again. */
  known: number;
}

/** Python, packages, operating system and hardware that code runs in. */
export interface Environment {
  /** BLAKE2b-256 of all the rest: equal environments have equal hashes. */
  hash: string;
  python: string;
  implementation: string;
  executable: string | null;
  /** Version by normalised name. */
  packages: Record<string, string>;
  os: string | null;
  machine: string | null;
  cpu: string | null;
  cpu_count: number | null;
  /** Of the machine, or what its container may use. */
  memory_bytes: number | null;
  gpus: Gpu[];
  /** Kernel and front end. */
  jupyter: string | null;
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
  /** In the trash since. */
  deleted: string | null;
  /** Of deleting and restoring: the runs that went to the trash or came back along with it. */
  moved_runs: number | null;
}

/** A file that is new, gone or another one now. */
export interface FileChange {
  path: string;
  /** added, removed or changed. */
  change: string;
  before_bytes: number | null;
  after_bytes: number | null;
}

/** Content that was, or would be, erased for good. */
export interface Forgotten {
  /** What can't be read any more. */
  versions: string[];
  /** Nothing else needs them. */
  erased_bytes: number;
  /** They stay: others have the same content. */
  shared_bytes: number;
  /** Those others: dataset versions, and artifacts of runs. */
  shared_with: string[];
  /** What the store shrank by. */
  freed_bytes: number;
  /** Nothing of it is left in the store; false where somebody was writing there. */
  complete: boolean;
  dry_run: boolean;
}

/** Whether content is here. */
export interface FoundContent {
  hash: string;
  /** What an artifact's record names; null where it is not here. */
  location: string | null;
}

/** Content that nothing refers to, deleted, or with `dry_run` only counted. */
export interface GarbageReport {
  /** Stretches of content that nothing refers to. */
  objects: number;
  /** By which the store shrinks. */
  bytes: number;
  /** Not needed either; they go when most of their pack is, or nobody writes to it. */
  left_bytes: number;
  /** By which it would shrink more without the grace; counted with `dry_run` alone. */
  graced_bytes: number;
  /** Referred to. */
  kept_objects: number;
  /** That those take in the store. */
  kept_bytes: number;
  /** Content was being taken in all the while: the rest goes the next time. */
  waiting: boolean;
  /** Names of metrics that purged runs left behind. */
  series: number;
  /** Environments that no run has any more; they stay while any process records. */
  environments: number;
  dry_run: boolean;
}

/** The repository a run was started in. */
export interface GitState {
  commit: string | null;
  branch: string | null;
  /** Whether a file that git tracks was changed. */
  dirty: boolean | null;
  /** Address of the remote, without user and password. */
  remote: string | null;
}

/** A graphics card. */
export interface Gpu {
  name: string;
  memory_bytes: number | null;
  driver: string | null;
}

/** One histogram of a series: `counts` has one number less than `edges`. */
export interface Histogram {
  version: number;
  step: number | string | null;
  edges: Float[];
  counts: Float[];
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

/** Long work was taken on; follow it with ``GET /jobs/{id}``. */
export interface JobAccepted {
  id: string;
  status: string;
}

/** Content that is here. */
export interface KeptContent {
  hash: string;
  size_bytes: number;
  /** What an artifact's record names. */
  location: string;
}

/** Groups of runs by the mean of a metric, the best first. */
export interface Leaderboard {
  metric: string;
  /** Which value of each run counts. */
  value: string;
  less_is_better: boolean;
  group_by: string[];
  groups: LeaderboardGroup[];
  total_groups: number;
  /** Runs in all groups. */
  total_runs: number;
}

/** Runs that belong together, and how well they did. */
export interface LeaderboardGroup {
  rank: number;
  /** What they have in common. */
  keys: Record<string, unknown>;
  /** Runs with a value that is a number. */
  n: number;
  /** Runs whose value is NaN; they are in no figure. */
  nan: number;
  mean: Float | null;
  /** Of the sample (n - 1); null for one run, and where it is infinite. */
  std: Float | null;
  min: Float | null;
  max: Float | null;
  /** Id of the run with the best value; of equals the newest. */
  best_run: string | null;
  best_name: string | null;
}

/** One way in which the test set is not new. */
export interface LeakageFinding {
  code:
    'duplicate' | 'near_duplicate' | 'one_column_differs' | 'entity' | 'time';
  severity: 'none' | 'low' | 'medium' | 'high' | 'critical';
  /** Of the test set. */
  rows: number;
  share: Float;
  sentence: string;
  action: string;
  columns: string[];
  /** Whether these columns were guessed. */
  guessed: boolean;
  /** Pairs of a test row and a training row, by place from 0 on. */
  examples: unknown[][];
}

/** What a test set shares with its training set. */
export interface LeakageReport {
  /** Such as sales@v1. */
  train: string;
  test: string;
  severity: 'none' | 'low' | 'medium' | 'high' | 'critical';
  /** All in one line. */
  sentence: string;
  /** The worst first. */
  findings: LeakageFinding[];
  /** What could not be looked at, and why. */
  notes: string[];
  train_rows: number;
  test_rows: number;
  /** Those that were compared. */
  columns: string[];
}

/** A graph as a picture that can be read: of many nodes that are alike one stands for the rest. */
export interface LineageDrawing {
  width: number;
  height: number;
  node_width: number;
  node_height: number;
  nodes: DrawnNode[];
  edges: DrawnEdge[];
}

/** That one thing came of another; unique by its two ends and its relation. */
export interface LineageEdge {
  /** What was there. */
  source: NodeRef;
  /** What was made of it, or by it. */
  target: NodeRef;
  /** A word: read, wrote, derived, trained, evaluated, copied, ... */
  relation: string;
  label: string | null;
  /** What made it; secrets are blanked. Graphs of more than 200 edges leave out code, details and times. */
  code: string | null;
  details: unknown | null;
  /** The run in which it came about. */
  run_id: string | null;
  /** The execution of a cell in which it came about. */
  cell_id: string | null;
  /** By default now. */
  created: string | null;
  /** When it came about again, last. */
  last: string | null;
}

/** What a node came of, what came of it, or both. */
export interface LineageGraph {
  of: LineageNode;
  direction: 'upstream' | 'downstream' | 'both';
  /** Steps from the node; null for all of them. */
  depth: number | null;
  /** The node itself first, then the others by their distance. */
  nodes: LineageNode[];
  edges: LineageEdge[];
  /** False where there are more edges than were asked for. */
  complete: boolean;
  /** Where it was asked for. */
  drawing: LineageDrawing | null;
}

/** What was taken of a file of events. */
export interface LineageImport {
  /** Lines that were taken. */
  events: number;
  /** Edges that are new. */
  added: number;
  /** Edges that were there already. */
  known: number;
  /** Events that tell of no edge. */
  skipped: number;
  /** Lines that could not be read. */
  malformed: number;
  /** The first 100 of those. */
  problems: UnreadLine[];
}

/** A node with what it is called. */
export interface LineageNode {
  /** file, dataset_version, drift_report, cell, run, artifact, feature, model_version, card, monitor, alert or external. */
  kind: string;
  /** Of the record; of a file its path or address, of something external its namespace/name. */
  id: string;
  label: string;
  /** Where more is told, below the API's base, or an address. */
  link: string | null;
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
  /** Greatest value; of a loss or an error the least. NaN left out. */
  best: Float | null;
  /** Where it was first reached, if that is known. */
  best_step: number | string | null;
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

/** One metric of one run in a chart. */
export interface MetricLine {
  run_id: string;
  /** The run's name. */
  run: string;
  metric: string;
  /** Points logged, before thinning. */
  count: number;
  /** Steps (beyond 2^53 rounded), seconds since 1970, or seconds since the run began. */
  x: Float[];
  y: Float[];
}

/** Metrics of runs, thinned, for one chart; what a run does not have is left out. */
export interface MetricLines {
  axis: 'step' | 'time' | 'relative';
  items: MetricLine[];
}

/** One logged value. */
export interface MetricPoint {
  step: number | string;
  time: string;
  value: Float;
}

/** A node by its kind and id. */
export interface NodeRef {
  /** file, dataset_version, drift_report, cell, run, artifact, feature, model_version, card, monitor, alert or external. */
  kind: string;
  /** Of the record; of a file its path or address, of something external its namespace/name. */
  id: string;
}

export interface ArtifactPage {
  items: Artifact[];
  next: string | null;
}

export interface DatasetVersionPage {
  items: DatasetVersion[];
  next: string | null;
}

export interface DatasetPage {
  items: Dataset[];
  next: string | null;
}

export interface DriftReportPage {
  items: DriftReport[];
  next: string | null;
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

export interface SavedSearchPage {
  items: SavedSearch[];
  next: string | null;
}

export interface WorkspaceViewPage {
  items: WorkspaceView[];
  next: string | null;
}

/** Every value of a param, the one that shows last. */
export interface ParamHistory {
  key: string;
  items: ParamValue[];
}

/** A value that a param had. */
export interface ParamValue {
  value: unknown;
  time: string;
}

/** What became of a parcel: a version, or more is wanted. */
export interface ParcelAnswer {
  version: DatasetVersion | null;
  /** Of the contract. */
  breaches: string[];
  /** Pieces to be sent, by their names. */
  wanted: string[];
}

/** One column of a table. */
export interface PreviewColumn {
  name: string;
  type: string;
}

/** What is gone for good, or with `dry_run` would be. */
export interface Purged {
  runs: number;
  /** Experiments of the trash without a run left. */
  experiments: number;
  points: number;
  artifacts: number;
  /** Their size; `nbproof gc` frees what nothing else refers to. */
  artifact_bytes: number;
  dry_run: boolean;
}

/** The index of content, made anew from the packs. */
export interface RebuiltIndex {
  records: number;
  packs: number;
  /** Left as they were: somebody was writing there. */
  packs_in_use: number;
  /** The index knew them, and they are not there. */
  packs_missing: number;
}

/** A column whose type is another one now. */
export interface RetypedColumn {
  name: string;
  /** Arrow's, as text. */
  before: string;
  after: string;
  /** Both types in words. */
  words: unknown[];
}

/** One metric over the runs nested in a run: the value each logged last, NaN and infinities left out. */
export interface RolledMetric {
  name: string;
  /** Runs that have such a value. */
  count: number;
  /** The greatest; of a loss or an error the least. */
  best: Float | null;
  /** Id of the run that has it. */
  best_run: string | null;
  mean: Float | null;
  /** Standard deviation of a sample; null below two runs. */
  std: Float | null;
  min: Float | null;
  max: Float | null;
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
  /** What it read, then what it wrote; told of a run shown by itself. */
  datasets: DatasetUse[];
  git: GitState | null;
  /** Fingerprint of the notebook or script when the run started. */
  code: string | null;
  /** The notebook or script. */
  source: string | null;
  user: string | null;
  host: string | null;
  python: string | null;
  /** notebook, script, module NAME or interactive. */
  entry: string | null;
  /** Command line of the process, secrets blanked. */
  command: string | null;
  os: string | null;
  gpu: string | null;
  environment_hash: string | null;
  /** Secrets that were blanked before the run was recorded. */
  redacted: number;
  /** The metric logged last. */
  newest_metric: Metric | null;
  /** What it is one of: the runs of a sweep, of a day. */
  group: string | null;
  /** How many runs are nested in it, by status. */
  children: Record<string, number>;
  /** When it was asked to stop. */
  cancel_requested: string | null;
  /** In the trash since. */
  deleted: string | null;
  /** Params too long for a list, with their length: there they are shown by their beginning. */
  previews: Record<string, number>;
}

/** A search under a name, used as ``@name``. */
export interface SavedSearch {
  name: string;
  query: string;
  saved: string;
}

/** How far a journal has arrived. */
export interface TakenJournal {
  /** The number of its last record here; if that is not the stretch's, nothing was taken. */
  drained: number;
  /** Runs of that process which somebody asked to stop. */
  cancel: string[];
}

/** The runs that were thrown away or brought back, those nested in them too. */
export interface TouchedRuns {
  count: number;
  ids: string[];
}

/** A line that was not taken. */
export interface UnreadLine {
  /** Its number, from 1. */
  line: number;
  problem: string;
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

/** A report that was made elsewhere, such as of a frame that is not registered. */
export interface AddDriftReport {
  /** A `DriftReport`, as an answer shows it. */
  report: Record<string, unknown>;
  /** Which were asked for; by default all. */
  columns?: string[] | null;
}

/** Edges to keep; all or none. */
export interface AddEdges {
  edges: LineageEdge[];
}

/** Which job to cancel. */
export interface CancelJob {
  /** A job's id, or its last 6 digits. */
  id: string;
}

/** Which run is asked to stop. */
export interface CancelRun {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
}

/** A training set and a test set. */
export interface CheckLeakage {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  train: string;
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  test: string;
  /** Columns that say whom or what a row is about; guessed where none is given. */
  entity?: string[];
  /** The column that says when. */
  time?: string | null;
}

/** What may go. */
export interface CollectGarbage {
  /** Only say what would go. */
  dry_run?: boolean;
  /** Content of what was deleted later than so long ago stays. */
  grace_hours?: number;
}

/** Which runs, side by side. */
export interface CompareRuns {
  /** Two runs or more. */
  id: string[];
  /** Metrics to chart; by default up to 12 that have a course. */
  metrics?: string[] | null;
  /** Weight of the past in the moving average. */
  smoothing?: number;
  /** Most points of a course. */
  points?: number | null;
}

/** Two versions, the older or the training set first. */
export interface CompareVersions {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  a: string;
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  b: string;
  /** What the job answers: a DatasetDiff, or a LeakageReport. */
  find?: 'differences' | 'leakage';
  /** Of differences: columns that name a row; by default whole rows. */
  key?: string[];
  /** Of leakage: whom or what a row is about. */
  entity?: string[];
  /** Of leakage: the column that says when. */
  time?: string | null;
}

/** A search that is being written. */
export interface CompleteSearch {
  query?: string;
  /** Characters before the cursor; by default all. */
  cursor?: number | null;
  limit?: number;
}

/** Make an experiment. */
export interface CreateExperiment {
  name: string;
  description?: string | null;
  tags?: Record<string, string>;
}

/** One version, or with a bare name and `all` every version. */
export interface DeleteDataset {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  id: string;
  /** Delete the dataset with all of its versions. */
  all?: boolean;
}

/** Which experiment goes to the trash. */
export interface DeleteExperiment {
  /** An experiment's name or id. */
  id: string;
}

/** Which run goes to the trash. */
export interface DeleteRun {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
}

/** Which runs go to the trash. */
export interface DeleteRuns {
  id: string[];
}

/** Which saved search. */
export interface DeleteSearch {
  name: string;
}

/** Two versions, the older first. */
export interface DetectDrift {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  reference: string;
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  current: string;
  /** Read the data: exact, and all columns together too. */
  exact?: boolean;
  /** Only these; by default all. */
  columns?: string[] | null;
  /** The run that asks; it is kept with the report. */
  run_id?: string | null;
}

/** Two versions, the older first. */
export interface DiffVersions {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  a: string;
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  b: string;
  /** Columns that name a row; by default whole rows are compared. */
  key?: string[];
  /** In a terminal: as Markdown, for a pull request. */
  markdown?: boolean;
}

/** Which run ends, and how. */
export interface EndRun {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  status?: 'finished' | 'failed' | 'interrupted' | 'cancelled';
}

/** Which lineage to write; by default all of it. */
export interface ExportLineage {
  /** What came of this, and what it came of; by default everything. */
  id?: string | null;
  /** What it is; without it, `id` is looked up. */
  kind?:
    | 'file'
    | 'dataset_version'
    | 'drift_report'
    | 'cell'
    | 'run'
    | 'artifact'
    | 'feature'
    | 'model_version'
    | 'card'
    | 'monitor'
    | 'alert'
    | 'external'
    | null;
}

/** Which runs go into the file; without any of these, all. */
export interface ExportRuns {
  /** Runs, each with the runs nested in it: name, last 6 digits, id, @last, @best:METRIC. */
  id?: string[];
  /** The runs that a search finds, in the search language. */
  query?: string | null;
  experiment?: string | null;
}

/** Which content. */
export interface FindContent {
  /** BLAKE3-256 of the bytes, hex. */
  hash: string;
  /** The name of the journal that is to name the content. */
  writer?: string | null;
}

/** Which content to erase for good. */
export interface ForgetDataset {
  /** A version, `name@v3`, also a deleted one; or with `all` the name of a dataset. */
  id: string;
  /** Erase all versions of the dataset. */
  all?: boolean;
  /** Only say what would be erased. */
  dry_run?: boolean;
  /** Do it; erasing can't be undone. */
  yes?: boolean;
}

/** Which file of which run. */
export interface GetArtifact {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  /** Its name in the run, with slashes; `name@v1` is an earlier version. */
  name: string;
}

/** Which folder of which run. */
export interface GetArtifactFolder {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  /** Its name in the run, with slashes. */
  name: string;
}

/** Which backup, by the id of its job. */
export interface GetBackup {
  /** The job's id. */
  id: string;
}

/** Whose children, and which metrics of theirs. */
export interface GetChildren {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  /** Metrics whose best, mean and more are told. */
  metric?: string[];
  /** Metrics of the runs nested at any depth, not only the children. */
  deep?: boolean;
}

/** In which form. */
export interface GetContent {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  id: string;
  /** Of rows; a table is Parquet by default, a file as it is. */
  format?: 'parquet' | 'csv' | 'arrow' | null;
  /** Of rows: only these columns. */
  column?: string[];
  /** Of rows: only so many, from the first on. */
  limit?: number | null;
}

/** Whose contract. */
export interface GetContract {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  name: string;
  /** Make one of what is known of the version. */
  propose?: boolean;
}

/** One version. */
export interface GetDataset {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  id: string;
}

/** Of which version, and how far. */
export interface GetDatasetLineage {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  id: string;
  direction?: 'both' | 'upstream' | 'downstream';
  /** So many steps only. */
  depth?: number | null;
}

/** One report. */
export interface GetDriftReport {
  /** Or its last 6 digits. */
  id: string;
}

/** Which experiment. */
export interface GetExperiment {
  /** An experiment's name or id. */
  id: string;
}

/** Which export, by the id of its job. */
export interface GetExport {
  /** The job's id. */
  id: string;
}

/** Which job to show. */
export interface GetJob {
  /** A job's id, or its last 6 digits. */
  id: string;
}

/** Which runs by which metric, and what makes a group of them. */
export interface GetLeaderboard {
  metric: string;
  query?: string;
  experiment?: string | null;
  /** Like params.model; nothing: each run by itself. */
  group_by?: string[];
  /** Instead: runs whose params are the same but for these, like params.seed. */
  over?: string[];
  /** Which value of each run: logged last, least, greatest; best: least of a loss or error. */
  value?: 'last' | 'min' | 'max' | 'best';
  /** Items in a page. */
  top?: number;
}

/** Which lineage to show. */
export interface GetLineage {
  /** What it is called: a run, a dataset (name@v3), a file; with a kind, its id. */
  id: string;
  /** What it is; without it, `id` is looked up. */
  kind?:
    | 'file'
    | 'dataset_version'
    | 'drift_report'
    | 'cell'
    | 'run'
    | 'artifact'
    | 'feature'
    | 'model_version'
    | 'card'
    | 'monitor'
    | 'alert'
    | 'external'
    | null;
  direction?: 'upstream' | 'downstream' | 'both';
  /** So many steps only; by default all there are. */
  depth?: number | null;
  /** Edges at most. */
  limit?: number;
  /** Where the nodes of a picture lie, too. */
  drawing?: boolean;
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

/** Which metrics of which runs, for one chart. */
export interface GetMetricLines {
  /** Runs. */
  id: string[];
  /** Metrics. */
  name: string[];
  /** Thin each to at most so many points. */
  max_points?: number;
  /** What `x` is. */
  axis?: 'step' | 'time' | 'relative';
  /** Only points whose `x` is not less; they are thinned alone. */
  low?: number | null;
  /** Only points whose `x` is not greater. */
  high?: number | null;
}

/** Which parts of a version. */
export interface GetObjects {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  id: string;
  /** Their places, as the manifest names them. */
  objects: string[];
}

/** Which param of which run. */
export interface GetParamHistory {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  key: string;
}

/** Which metrics of a run are read whole. */
export interface GetPoints {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  /** Metrics; by default all but those of the machine. */
  name?: string[];
}

/** Which run. */
export interface GetRun {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
}

/** A file of OpenLineage events, one to a line. */
export interface ImportLineage {
  /** The file, JSON Lines. */
  path: string;
}

/** What to bring in, and how to read it. */
export interface ImportRuns {
  /** A file of exported runs, an mlruns folder or mlflow.db, a TensorBoard folder, a CSV. */
  path: string;
  /** What it is; by default it is looked at. */
  from_?: 'archive' | 'mlflow' | 'tensorboard' | 'csv' | null;
  /** What the file is called, instead of its own name. */
  name?: string | null;
  /** Put the runs into this experiment. */
  experiment?: string | null;
  /** Take every run as a new one, whatever is here already. */
  new_ids?: boolean;
  /** Of MLflow: take deleted runs, too. */
  deleted?: boolean;
  /** Of MLflow: the folder of its artifacts, where that is not beside the store. */
  artifacts?: string | null;
  /** Of a CSV: what a row is. */
  rows?: 'runs' | 'steps' | null;
  /** Of a CSV: what a column is, such as lr=param; * means the others. */
  column?: Record<
    string,
    | 'run'
    | 'id'
    | 'experiment'
    | 'status'
    | 'started'
    | 'ended'
    | 'notes'
    | 'step'
    | 'time'
    | 'metric'
    | 'param'
    | 'tag'
    | 'skip'
  >;
  /** Say what would be taken, and record nothing. */
  dry_run?: boolean;
}

/** Bytes to keep under their hash. */
export interface KeepContent {
  /** BLAKE3-256 of the bytes, hex. */
  hash: string;
  /** A file of this machine. */
  path: string;
  /** The name of the journal that is to name the content. */
  writer?: string | null;
}

/** Which artifacts of which run. */
export interface ListArtifacts {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  /** Only what is directly in it, folders as one entry each; empty for the top. */
  folder?: string | null;
  /** Only names that begin so. */
  prefix?: string;
  /** Only this one; `name@v1` is an earlier version. */
  name?: string | null;
  /** Every version, not only the last. */
  versions?: boolean;
  /** Items in a page. */
  limit?: number;
  /** The `next` of the page before. */
  after?: string | null;
}

/** Which datasets. */
export interface ListDatasets {
  /** Only those that have it in name or description. */
  query?: string | null;
  limit?: number;
  /** `next` of the page before. */
  after?: string | null;
}

/** Which reports. */
export interface ListDriftReports {
  /** Only those of versions of this dataset. */
  dataset?: string | null;
  limit?: number;
  /** `next` of the page before. */
  after?: string | null;
}

/** Which page of experiments. */
export interface ListExperiments {
  /** Items in a page. */
  limit?: number;
  /** The `next` of the page before. */
  after?: string | null;
  /** Those in the trash instead. */
  deleted?: boolean;
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
  /** Those in the trash instead. */
  deleted?: boolean;
}

/** All saved searches. */
export type ListSearches = Record<string, never>;

/** The versions of one dataset. */
export interface ListVersions {
  /** The dataset. */
  name: string;
  /** Whether to name the columns of each, which may be thousands. */
  fields?: boolean;
  limit?: number;
  /** `next` of the page before. */
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
  /** Such as model; by default what the media type says. */
  kind?: string | null;
  /** Where in a series it belongs. */
  step?: number | string | null;
  /** What else is known of it. */
  metadata?: Record<string, unknown>;
}

/** Many values of several metrics: columns of equal length. */
export interface LogFrame {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  /** Values by metric; null where there is none. */
  columns: Record<
    string,
    (number | string | 'NaN' | 'Infinity' | '-Infinity' | null)[]
  >;
  /** The column of steps; by default they count on. */
  step?: string | null;
  /** The column of times, seconds since 1970; by default now. */
  time?: string | null;
}

/** Many values of one metric, in order. */
export interface LogHistory {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  key: string;
  values: Float[];
  /** One for each value; by default on from the last step of this metric + 1. */
  steps?: (number | string)[] | null;
  /** One for each value; by default now. */
  times?: string[] | null;
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

/** Content that stays where it is; it is named, and nothing of it is read by a server. */
export interface LogReference {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  /** A path or an address. */
  target: string;
  /** Its name in the run; by default the last part of `target`. */
  name?: string | null;
  /** BLAKE3-256 of the content, where it is known. */
  hash?: string | null;
  size_bytes?: number | null;
  kind?: string | null;
  step?: number | string | null;
  metadata?: Record<string, unknown>;
}

/** All of the workspace. */
export type MakeBackup = Record<string, never>;

/** What a new run begins with: an experiment, or a parent whose experiment it shares. */
export interface OpenRun {
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
  /** What it is one of, for searches: group = "...". */
  group?: string | null;
  /** Name or id; a new name makes a new experiment. By default its parent's. */
  experiment?: string | null;
}

/** Which runs of the trash go for good. */
export interface PurgeRuns {
  /** By default all in the trash. */
  id?: string[];
  /** Only those thrown away so long ago. */
  older_than_days?: number | null;
  /** Only say what would go. */
  dry_run?: boolean;
  /** Do it: what is purged can't be brought back. */
  yes?: boolean;
}

/** All of the index. */
export type RebuildIndex = Record<string, never>;

/** A file or folder to refer to. */
export interface ReferToDataset {
  /** On the machine that keeps the workspace, from the workspace's folder on. */
  path: string;
  /** The dataset; by default the file's own name. */
  name?: string | null;
  description?: string | null;
  tags?: Record<string, string>;
  /** Point these at the new version. */
  alias?: string[];
  /** What it and the versions after it have to keep to. */
  contract?: unknown;
}

/** A file to keep as a version. */
export interface RegisterDataset {
  /** A file or folder of this machine. */
  path: string;
  /** The dataset; by default the file's own name. */
  name?: string | null;
  description?: string | null;
  tags?: Record<string, string>;
  /** Point these at the new version. */
  alias?: string[];
  /** Where it comes from, if not from there: an address, for instance. */
  origin?: string | null;
  /** Copy nothing: it stays where it is, also at an address such as s3://bucket/key. */
  reference?: boolean;
}

/** An alias to take away. */
export interface RemoveAlias {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  id: string;
  alias: string;
}

/** Which notebook or folder. */
export interface ResolveWorkspace {
  /** A notebook or folder, relative to the served folder. */
  path?: string;
}

/** Which experiment comes back from the trash. */
export interface RestoreExperiment {
  /** An experiment's name or id. */
  id: string;
}

/** Which run comes back from the trash. */
export interface RestoreRun {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
}

/** Which runs come back from the trash. */
export interface RestoreRuns {
  id: string[];
}

/** Which run goes on. */
export interface ResumeRun {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
}

/** A search and its name. */
export interface SaveSearch {
  name: string;
  query: string;
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

/** What a client sends. */
export interface SendParcel {
  /** As `nbproof.datasets.parcels` says. */
  path: string;
}

/** An alias for a version. */
export interface SetAlias {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  id: string;
  /** Such as `prod`; it moves from the version that had it. */
  alias: string;
}

/** What the versions of a dataset have to keep to. */
export interface SetContract {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  name: string;
  /** JSON; `null` takes the contract away. */
  file: string;
  /** Instead of what the contract says. */
  on_breach?: 'warn' | 'refuse' | null;
}

/** Where a run came from. */
export interface SetProvenance {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  git?: GitState | null;
  /** Fingerprint of the notebook or script. */
  code?: string | null;
  /** notebook, script, module NAME or interactive. */
  entry?: string | null;
  /** Command line; secrets are blanked. */
  command?: string | null;
  /** Its hash is made anew from the rest. */
  environment?: Environment | null;
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

/** Nothing: there is one environment here. */
export type ShowEnvironment = Record<string, never>;

/** All of the store. */
export type ShowStats = Record<string, never>;

/** What a new run begins with. */
export interface StartRun {
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
  /** What it is one of, for searches: group = "...". */
  group?: string | null;
  /** Name or id of the experiment; a new name makes a new experiment. */
  id: string;
}

/** A stretch of the journal of a process on another machine. */
export interface TakeJournal {
  /** The name of the journal. */
  writer: string;
  /** The stretch, in the format of docs/explanation/journal-format.md. */
  path: string;
}

/** What was made of what. */
export interface TrackTransformation {
  /** Versions, paths, addresses. */
  inputs: string[];
  /** The version that was made. */
  output: string;
  /** What made it. */
  code?: string | null;
  /** What the step is called. */
  label?: string | null;
}

/** What changes about a run; what is left out stays. */
export interface UpdateRun {
  /** A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC. */
  id: string;
  name?: string | null;
  /** Markdown; an empty text removes the notes. */
  notes?: string | null;
  /** What it is one of; an empty text takes it out. */
  group?: string | null;
}

/** What to change of a version; what is not given stays. */
export interface UpdateVersion {
  /** A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest. */
  id: string;
  description?: string | null;
  /** Set these; an empty value takes one away. */
  tags?: Record<string, string> | null;
}

/** How much to look at. */
export interface VerifyContent {
  /** What part of the content to read, chosen by chance. */
  percent?: number;
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

/** Start a run in an experiment; it lives until it is ended by name or id. */
export function runsStart(request: Requester, ask: StartRun): Promise<Run> {
  const { id: _id, ...rest } = ask;
  return request<Run>(
    'POST',
    `/experiments/${encodeURIComponent(_id)}/runs`,
    undefined,
    rest
  );
}

/** Start a run that lives until it is ended by name or id; a nested one needs no experiment. */
export function runsOpen(request: Requester, ask: OpenRun = {}): Promise<Run> {
  return request<Run>('POST', '/runs', undefined, ask);
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

/** Tell what may be written at a place in a search: fields, operators, values. */
export function runsCompleteSearch(
  request: Requester,
  ask: CompleteSearch = {}
): Promise<Completions> {
  return request<Completions>('GET', '/runs/search/completions', { ...ask });
}

/** Rank groups of runs by the mean of a metric: n, mean and std, least, greatest, best run. */
export function runsLeaderboard(
  request: Requester,
  ask: GetLeaderboard
): Promise<Leaderboard> {
  return request<Leaderboard>('GET', '/runs/leaderboard', { ...ask });
}

/** List saved searches by name. */
export function searchesList(request: Requester): Promise<SavedSearchPage> {
  return request<SavedSearchPage>('GET', '/searches');
}

/** Keep a search under a name, to be used as @name; one of that name is replaced. */
export function searchesSave(
  request: Requester,
  ask: SaveSearch
): Promise<SavedSearch> {
  const { name: _name, ...rest } = ask;
  return request<SavedSearch>(
    'PUT',
    `/searches/${encodeURIComponent(_name)}`,
    undefined,
    rest
  );
}

/** Forget a saved search. */
export function searchesDelete(
  request: Requester,
  ask: DeleteSearch
): Promise<void> {
  return request<void>('DELETE', `/searches/${encodeURIComponent(ask.name)}`);
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

/** Rename a run, change its notes, or put it into another group. */
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

/** Record many values of one metric at once. */
export function runsLogHistory(
  request: Requester,
  ask: LogHistory
): Promise<void> {
  const { id: _id, ...rest } = ask;
  return request<void>(
    'POST',
    `/runs/${encodeURIComponent(_id)}/metrics/history`,
    undefined,
    rest
  );
}

/** Record many values of several metrics at once, given as columns. */
export function runsLogFrame(request: Requester, ask: LogFrame): Promise<void> {
  const { id: _id, ...rest } = ask;
  return request<void>(
    'POST',
    `/runs/${encodeURIComponent(_id)}/metrics/frame`,
    undefined,
    rest
  );
}

/** Read metrics of several runs, thinned, for one chart. */
export function runsMetricLines(
  request: Requester,
  ask: GetMetricLines
): Promise<MetricLines> {
  return request<MetricLines>('GET', '/runs/metrics/lines', { ...ask });
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

/** Read every point of metrics, a few bytes each as they are kept; unknown names are left out. Path only: bytes travel by hand. */
export function runsPointsPath(ask: { id: string }): string {
  return `/runs/${encodeURIComponent(ask.id)}/points`;
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

/** Keep a copy of a file with a run; of a name that is there, as a new version. Path only: bytes travel by hand. */
export function runsLogArtifactPath(ask: { id: string }): string {
  return `/runs/${encodeURIComponent(ask.id)}/artifacts`;
}

/** Record where content is that is not kept: a path or an address, as told; nothing of it is read. */
export function runsLogReference(
  request: Requester,
  ask: LogReference
): Promise<void> {
  const { id: _id, ...rest } = ask;
  return request<void>(
    'POST',
    `/runs/${encodeURIComponent(_id)}/references`,
    undefined,
    rest
  );
}

/** List the artifacts of a run: all, a folder, or every version. */
export function runsArtifacts(
  request: Requester,
  ask: ListArtifacts
): Promise<ArtifactPage> {
  const { id: _id, ...rest } = ask;
  return request<ArtifactPage>(
    'GET',
    `/runs/${encodeURIComponent(_id)}/artifacts`,
    { ...rest }
  );
}

/** Download an artifact; name@v1 is an earlier version. Path only: bytes travel by hand. */
export function runsArtifactPath(ask: { id: string; name: string }): string {
  return `/runs/${encodeURIComponent(ask.id)}/artifacts/${encodeURIComponent(ask.name)}`;
}

/** Download all artifacts of a folder as one zip; references are left out. Path only: bytes travel by hand. */
export function runsArtifactFolderPath(ask: {
  id: string;
  name: string;
}): string {
  return `/runs/${encodeURIComponent(ask.id)}/folders/${encodeURIComponent(ask.name)}`;
}

/** Show the head of a text or a table, a small picture, the numbers of a histogram. */
export function runsArtifactPreview(
  request: Requester,
  ask: GetArtifact
): Promise<ArtifactPreview> {
  return request<ArtifactPreview>(
    'GET',
    `/runs/${encodeURIComponent(ask.id)}/artifacts/${encodeURIComponent(ask.name)}/preview`
  );
}

/** Delete an artifact with all its versions; name@v1 only that one. */
export function runsDeleteArtifact(
  request: Requester,
  ask: GetArtifact
): Promise<void> {
  return request<void>(
    'DELETE',
    `/runs/${encodeURIComponent(ask.id)}/artifacts/${encodeURIComponent(ask.name)}`
  );
}

/** Tell where a run came from: repository, code, command, environment. */
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

/** Show the environment of this process; over HTTP, the server's. */
export function environmentGet(request: Requester): Promise<Environment> {
  return request<Environment>('GET', '/environment');
}

/** Show the environment a run was started in. */
export function runsEnvironment(
  request: Requester,
  ask: GetRun
): Promise<Environment> {
  return request<Environment>(
    'GET',
    `/runs/${encodeURIComponent(ask.id)}/environment`
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

/** Ask a run to stop; one that belongs to no process is cancelled at once. */
export function runsCancel(request: Requester, ask: CancelRun): Promise<Run> {
  return request<Run>('POST', `/runs/${encodeURIComponent(ask.id)}/cancel`);
}

/** Count the runs nested in a run by status, and tell best and mean of metrics over them. */
export function runsChildren(
  request: Requester,
  ask: GetChildren
): Promise<Children> {
  const { id: _id, ...rest } = ask;
  return request<Children>('GET', `/runs/${encodeURIComponent(_id)}/children`, {
    ...rest
  });
}

/** Throw an experiment away, with its runs; it can be brought back. */
export function experimentsDelete(
  request: Requester,
  ask: DeleteExperiment
): Promise<Experiment> {
  return request<Experiment>(
    'DELETE',
    `/experiments/${encodeURIComponent(ask.id)}`
  );
}

/** Throw a run away, with those nested in it; it can be brought back. */
export function runsDelete(request: Requester, ask: DeleteRun): Promise<Run> {
  return request<Run>('DELETE', `/runs/${encodeURIComponent(ask.id)}`);
}

/** Throw runs away, with those nested in them: all or, where one is live or unknown, none. */
export function runsDeleteMany(
  request: Requester,
  ask: DeleteRuns
): Promise<TouchedRuns> {
  return request<TouchedRuns>('POST', '/runs/delete', undefined, ask);
}

/** Show every value a param had, in the order of time. */
export function runsParamHistory(
  request: Requester,
  ask: GetParamHistory
): Promise<ParamHistory> {
  return request<ParamHistory>(
    'GET',
    `/runs/${encodeURIComponent(ask.id)}/params/${encodeURIComponent(ask.key)}`
  );
}

/** Remove runs of the trash for good; `nbproof gc` then frees their artifacts. */
export function runsPurge(
  request: Requester,
  ask: PurgeRuns = {}
): Promise<Purged> {
  return request<Purged>('POST', '/runs/purge', undefined, ask);
}

/** Bring an experiment back from the trash, with the runs that went along with it. */
export function experimentsRestore(
  request: Requester,
  ask: RestoreExperiment
): Promise<Experiment> {
  return request<Experiment>(
    'POST',
    `/experiments/${encodeURIComponent(ask.id)}/restore`
  );
}

/** Bring a run back from the trash, with what went along with it. */
export function runsRestore(request: Requester, ask: RestoreRun): Promise<Run> {
  return request<Run>('POST', `/runs/${encodeURIComponent(ask.id)}/restore`);
}

/** Bring runs back from the trash, with what went along with them. */
export function runsRestoreMany(
  request: Requester,
  ask: RestoreRuns
): Promise<TouchedRuns> {
  return request<TouchedRuns>('POST', '/runs/restore', undefined, ask);
}

/** Write runs into one file, artifacts included, which can be read without nbproof. */
export function runsExport(
  request: Requester,
  ask: ExportRuns = {}
): Promise<JobAccepted> {
  return request<JobAccepted>('POST', '/runs/export', undefined, ask);
}

/** Download the file of an export whose job is done. Path only: bytes travel by hand. */
export function runsExportedPath(ask: { id: string }): string {
  return `/runs/exports/${encodeURIComponent(ask.id)}`;
}

/** Bring in exported runs, or those of MLflow, TensorBoard or a CSV. Path only: bytes travel by hand. */
export function runsImportPath(): string {
  return `/runs/import`;
}

/** Show what something came of, and what came of it: a run, a dataset, a file. */
export function lineageGraph(
  request: Requester,
  ask: GetLineage
): Promise<LineageGraph> {
  return request<LineageGraph>('GET', '/lineage', { ...ask });
}

/** Keep edges: that one thing came of another. */
export function lineageAdd(
  request: Requester,
  ask: AddEdges
): Promise<EdgesAdded> {
  return request<EdgesAdded>('POST', '/lineage', undefined, ask);
}

/** Write lineage as OpenLineage events, one to a line: all of it, or around one thing. Path only: bytes travel by hand. */
export function lineageExportPath(): string {
  return `/lineage/export`;
}

/** Take the edges that a file of OpenLineage events tells of, ours or those of other tools. Path only: bytes travel by hand. */
export function lineageImportPath(): string {
  return `/lineage/import`;
}

/** List datasets by name. */
export function datasetsList(
  request: Requester,
  ask: ListDatasets = {}
): Promise<DatasetPage> {
  return request<DatasetPage>('GET', '/datasets', { ...ask });
}

/** List the versions of a dataset, latest first, with the bytes that each added to the store. */
export function datasetsVersions(
  request: Requester,
  ask: ListVersions
): Promise<DatasetVersionPage> {
  const { name: _name, ...rest } = ask;
  return request<DatasetVersionPage>(
    'GET',
    `/datasets/${encodeURIComponent(_name)}/versions`,
    { ...rest }
  );
}

/** Keep a file or folder as the next version of a dataset; over HTTP the body is the file. Path only: bytes travel by hand. */
export function datasetsRegisterPath(): string {
  return `/datasets`;
}

/** Register a file or folder that stays where it is, on the machine that keeps the workspace. */
export function datasetsRefer(
  request: Requester,
  ask: ReferToDataset
): Promise<DatasetVersion> {
  return request<DatasetVersion>(
    'POST',
    '/datasets/references',
    undefined,
    ask
  );
}

/** Show a version: what it is, its columns, where it came from. */
export function datasetsShow(
  request: Requester,
  ask: GetDataset
): Promise<DatasetVersion> {
  return request<DatasetVersion>(
    'GET',
    `/datasets/${encodeURIComponent(ask.id)}`
  );
}

/** Show the statistics of each column of a version, with a small histogram. */
export function datasetsColumns(
  request: Requester,
  ask: GetDataset
): Promise<ColumnSummaries> {
  return request<ColumnSummaries>(
    'GET',
    `/datasets/${encodeURIComponent(ask.id)}/columns`
  );
}

/** Download a version: its file, a zip of its folder, or its rows as Parquet, CSV or Arrow. Path only: bytes travel by hand. */
export function datasetsGetPath(ask: { id: string }): string {
  return `/datasets/${encodeURIComponent(ask.id)}/content`;
}

/** Register what a client sends, of which it need not send what is here; or say what it has to send. Path only: bytes travel by hand. */
export function datasetsSendPath(): string {
  return `/datasets/parcels`;
}

/** Download parts of a version, as its manifest names them: each with its length before it. Path only: bytes travel by hand. */
export function datasetsObjectsPath(ask: { id: string }): string {
  return `/datasets/${encodeURIComponent(ask.id)}/objects`;
}

/** Download the profile of each column of a version: distributions to be compared elsewhere. Path only: bytes travel by hand. */
export function datasetsProfilePath(ask: { id: string }): string {
  return `/datasets/${encodeURIComponent(ask.id)}/profile`;
}

/** Show what a version came of, and what came of it. */
export function datasetsLineage(
  request: Requester,
  ask: GetDatasetLineage
): Promise<LineageGraph> {
  const { id: _id, ...rest } = ask;
  return request<LineageGraph>(
    'GET',
    `/datasets/${encodeURIComponent(_id)}/lineage`,
    { ...rest }
  );
}

/** Say that a version was made of others, or of files, by some code. */
export function datasetsTrackTransformation(
  request: Requester,
  ask: TrackTransformation
): Promise<DatasetVersion> {
  return request<DatasetVersion>(
    'POST',
    '/datasets/transformations',
    undefined,
    ask
  );
}

/** Change the description or the tags of a version. */
export function datasetsUpdate(
  request: Requester,
  ask: UpdateVersion
): Promise<DatasetVersion> {
  const { id: _id, ...rest } = ask;
  return request<DatasetVersion>(
    'PATCH',
    `/datasets/${encodeURIComponent(_id)}`,
    undefined,
    rest
  );
}

/** Point an alias at a version, taking it from the one that had it. */
export function datasetsAlias(
  request: Requester,
  ask: SetAlias
): Promise<DatasetVersion> {
  return request<DatasetVersion>(
    'PUT',
    `/datasets/${encodeURIComponent(ask.id)}/aliases/${encodeURIComponent(ask.alias)}`
  );
}

/** Take an alias away from a version; the version stays. */
export function datasetsRemoveAlias(
  request: Requester,
  ask: RemoveAlias
): Promise<DatasetVersion> {
  return request<DatasetVersion>(
    'DELETE',
    `/datasets/${encodeURIComponent(ask.id)}/aliases/${encodeURIComponent(ask.alias)}`
  );
}

/** Delete a version, or with `all` a dataset; `nbproof gc` frees the space. */
export function datasetsDelete(
  request: Requester,
  ask: DeleteDataset
): Promise<DatasetVersionPage> {
  const { id: _id, ...rest } = ask;
  return request<DatasetVersionPage>(
    'DELETE',
    `/datasets/${encodeURIComponent(_id)}`,
    { ...rest }
  );
}

/** Find what changed between two versions: how bad, in which columns, and what to do; kept as a report. */
export function datasetsDrift(
  request: Requester,
  ask: DetectDrift
): Promise<DriftReport> {
  return request<DriftReport>('POST', '/datasets/drift', undefined, ask);
}

/** Find what a test set shares with its training set: rows, nearly equal rows, entities, times. */
export function datasetsLeakage(
  request: Requester,
  ask: CheckLeakage
): Promise<LeakageReport> {
  return request<LeakageReport>('POST', '/datasets/leakage', undefined, ask);
}

/** Show how two versions differ: columns, rows, statistics; of folders the files. */
export function datasetsDiff(
  request: Requester,
  ask: DiffVersions
): Promise<DatasetDiff> {
  return request<DatasetDiff>('GET', '/datasets/diff', { ...ask });
}

/** Read all content, compare it with its hashes, and name what of datasets and runs is damaged. */
export function contentVerify(
  request: Requester,
  ask: VerifyContent = {}
): Promise<JobAccepted> {
  return request<JobAccepted>('POST', '/content/verify', undefined, ask);
}

/** Show what the content of datasets and artifacts takes, and what sharing and compression save. */
export function contentStats(request: Requester): Promise<ContentStats> {
  return request<ContentStats>('GET', '/content/stats');
}

/** Make the index of content anew from the packs, where it was lost or packs were brought back. */
export function contentRebuildIndex(request: Requester): Promise<RebuiltIndex> {
  return request<RebuiltIndex>('POST', '/content/index');
}

/** Erase the content of a version, or with `all` of a dataset, for good; it stays in lists as erased. */
export function datasetsForget(
  request: Requester,
  ask: ForgetDataset
): Promise<Forgotten> {
  const { id: _id, ...rest } = ask;
  return request<Forgotten>(
    'POST',
    `/datasets/${encodeURIComponent(_id)}/forget`,
    undefined,
    rest
  );
}

/** Show the contract of a dataset, or propose one from a version. */
export function datasetsContract(
  request: Requester,
  ask: GetContract
): Promise<DatasetContract> {
  const { name: _name, ...rest } = ask;
  return request<DatasetContract>(
    'GET',
    `/datasets/${encodeURIComponent(_name)}/contract`,
    { ...rest }
  );
}

/** Say what the versions of a dataset have to keep to; the file, or over HTTP the body, is JSON. Path only: bytes travel by hand. */
export function datasetsSetContractPath(ask: { name: string }): string {
  return `/datasets/${encodeURIComponent(ask.name)}/contract`;
}

/** List the drift reports that are kept, latest first. */
export function driftReportsList(
  request: Requester,
  ask: ListDriftReports = {}
): Promise<DriftReportPage> {
  return request<DriftReportPage>('GET', '/drift-reports', { ...ask });
}

/** Keep a drift report that was made elsewhere, such as of a frame that is not registered. */
export function driftReportsAdd(
  request: Requester,
  ask: AddDriftReport
): Promise<DriftReport> {
  return request<DriftReport>('POST', '/drift-reports', undefined, ask);
}

/** Show a drift report that is kept. */
export function driftReportsGet(
  request: Requester,
  ask: GetDriftReport
): Promise<DriftReport> {
  return request<DriftReport>(
    'GET',
    `/drift-reports/${encodeURIComponent(ask.id)}`
  );
}

/** Compare two versions in a job: its result is what `datasets.diff` or `datasets.leakage` answers. */
export function datasetsCompare(
  request: Requester,
  ask: CompareVersions
): Promise<JobAccepted> {
  return request<JobAccepted>('POST', '/datasets/comparisons', undefined, ask);
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

/** Back up the workspace into one file, while it is in use. */
export function maintenanceBackup(request: Requester): Promise<JobAccepted> {
  return request<JobAccepted>('POST', '/backups');
}

/** Download the file of a backup whose job is done. Path only: bytes travel by hand. */
export function maintenanceBackedUpPath(ask: { id: string }): string {
  return `/backups/${encodeURIComponent(ask.id)}`;
}

/** Delete content of purged runs, replaced artifacts and deleted datasets that nothing refers to. */
export function maintenanceGc(
  request: Requester,
  ask: CollectGarbage = {}
): Promise<GarbageReport> {
  return request<GarbageReport>('POST', '/gc', undefined, ask);
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
): Promise<FoundContent> {
  const { hash: _hash, ...rest } = ask;
  return request<FoundContent>('GET', `/content/${encodeURIComponent(_hash)}`, {
    ...rest
  });
}
