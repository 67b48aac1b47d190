import type { TranslationBundle } from '@jupyterlab/translation';
import {
  checkIcon,
  copyIcon,
  deleteIcon,
  downloadIcon,
  linkIcon,
  refreshIcon
} from '@jupyterlab/ui-components';
import { JSX, ReactNode, useEffect, useId, useRef, useState } from 'react';

import { codeOf, countText, targetOf } from '../figures/dataset';
import type { DatasetTab } from '../figures/link';
import { formatBytes, shortPath } from '../figures/numbers';
import { nbproofIcon } from '../icons';
import type { DatasetModel, Find, Format } from '../models/dataset';
import type { DatasetVersion } from '../services/api';
import type { Problem } from '../services/problem';
import { Chip } from './Chip';
import { DatasetColumns } from './DatasetColumns';
import { DatasetCompare } from './DatasetCompare';
import { EditableNotes, EditableTags, LineForm, useFocusBack } from './Editing';
import { KindMark } from './KindMark';
import { LineageGraph } from './LineageGraph';
import type { Notes } from './Notes';
import { Notice } from './Notice';
import { Section } from './Section';
import { Skeleton } from './Skeleton';
import { Tabs } from './Tabs';
import {
  instantWord,
  kindWord,
  minuteWord,
  problemWords,
  shortId
} from './words';

/** Everything about one dataset: its head with the version that is shown, and a tab for each kind of thing. */
export function DatasetView(props: DatasetView.IProps): JSX.Element {
  const { model, actions, trans } = props;
  const { version, problem } = model;
  if (version === null) {
    return problem === null ? (
      <Skeleton rows={10} label={trans.__('Loading the dataset…')} />
    ) : (
      <Gone {...props} problem={problem} />
    );
  }
  const tabs: readonly (readonly [DatasetTab, string, number?])[] = [
    ['columns', trans.__('Overview')],
    [
      'versions',
      trans.__('Versions'),
      model.hasMore ? undefined : model.versions.length
    ],
    ...(model.canCompare ? [['compare', trans.__('Compare')] as const] : []),
    ...(model.hasLineage ? [['lineage', trans.__('Lineage')] as const] : [])
  ];
  return (
    <div className="jp-nbproof-RunView-page" data-stale={problem !== null}>
      {problem !== null && (
        <Notice
          kind="error"
          title={problemWords(problem, trans).title}
          actions={[{ label: trans.__('Retry'), onClick: actions.refresh }]}
        >
          {problemWords(problem, trans).text}
        </Notice>
      )}
      {version.forgotten && (
        <Notice kind="info" title={trans.__('The content was erased')}>
          {trans.__(
            'What this version was is still recorded; its data can’t be read any more.'
          )}
        </Notice>
      )}
      {version.breaches.length > 0 && (
        <Notice kind="error" title={trans.__('It broke its contract')}>
          {version.breaches.join('; ')}
        </Notice>
      )}
      <Head {...props} version={version} />
      <Tabs<DatasetTab>
        label={trans.__('About this dataset')}
        tab={model.state.tab}
        tabs={tabs}
        onChoose={tab => model.show({ tab })}
      >
        <TabPage {...props} version={version} />
      </Tabs>
    </div>
  );
}

export namespace DatasetView {
  export interface IActions {
    refresh: () => void;
    copyLink: () => void;
    copyCode: () => void;
    loadColumns: () => void;
    retryColumns: () => void;
    loadMore: () => void;
    download: (format: Format) => void;
    delete: () => void;
    openRun: (id: string) => void;
    openDataset: (reference: string) => void;
    openReport: (id: string) => void;
    loadLineage: () => void;
    loadOther: (reference: string) => void;
    /** Look for drift and for differences. */
    compare: (against: string, key: readonly string[]) => void;
    look: (find: Find, against: string, key?: readonly string[]) => void;
    stop: (find: Find, against: string, key?: readonly string[]) => void;
    /** Resolve to whether it was done. */
    setAlias: (alias: string) => Promise<boolean>;
    removeAlias: (alias: string) => Promise<boolean>;
    setDescription: (text: string) => Promise<boolean>;
    setTag: (key: string, value: string | null) => Promise<boolean>;
  }

  export interface IProps {
    model: DatasetModel;
    /** Draws Markdown; null where JupyterLab offers nothing for that. */
    renderNotes: Notes.Render | null;
    /** What has just been copied. */
    copied: 'link' | 'code' | null;
    actions: IActions;
    trans: TranslationBundle;
  }
}

type Shown = DatasetView.IProps & { version: DatasetVersion };

/** The server's answer says which names come near. */
function Gone({
  model,
  problem,
  actions,
  trans
}: DatasetView.IProps & { problem: Problem }): JSX.Element {
  const words = problemWords(problem, trans);
  const isVersionGone = problem.status === 404 && model.state.version !== null;
  return (
    <Notice
      kind="page"
      icon={nbproofIcon}
      title={words.title}
      actions={[
        { label: trans.__('Retry'), onClick: actions.refresh, isMain: true },
        ...(isVersionGone
          ? [
              {
                label: trans.__('Show the latest version'),
                onClick: () => model.show({ version: null })
              }
            ]
          : [])
      ]}
    >
      {words.text}
    </Notice>
  );
}

function TabPage(props: Shown): JSX.Element {
  switch (props.model.state.tab) {
    case 'columns':
      return <Overview {...props} />;
    case 'versions':
      return <Versions {...props} />;
    case 'compare':
      return <DatasetCompare key={props.version.id} {...props} />;
    case 'lineage':
      return <LineageTab key={props.version.id} {...props} />;
  }
}

/** Where the version came from and what came of it. */
function LineageTab({ model, actions, trans }: Shown): JSX.Element {
  const { lineage, lineageProblem } = model;
  const { loadLineage } = actions;
  useEffect(() => {
    loadLineage();
  }, [loadLineage]);
  if (lineage === null) {
    return lineageProblem === null ? (
      <Skeleton rows={4} label={trans.__('Loading the lineage…')} />
    ) : (
      <Notice
        kind="page"
        title={problemWords(lineageProblem, trans).title}
        actions={[{ label: trans.__('Retry'), onClick: loadLineage }]}
      >
        {problemWords(lineageProblem, trans).text}
      </Notice>
    );
  }
  return lineage.edges.length === 0 ? (
    <p className="jp-nbproof-Curves-none jp-nbproof-dim">
      {trans.__('Nothing is recorded about what it came of or led to.')}
    </p>
  ) : (
    <LineageGraph
      graph={lineage}
      canOpen={({ kind }) =>
        kind === 'run' || kind === 'dataset_version' || kind === 'drift_report'
      }
      onOpen={({ kind, id }) => {
        if (kind === 'run') {
          actions.openRun(id ?? '');
        } else if (kind === 'drift_report') {
          actions.openReport(id ?? '');
        } else {
          actions.openDataset(id ?? '');
        }
      }}
      trans={trans}
    />
  );
}

function Overview(props: Shown): JSX.Element {
  const { model, version, actions, trans } = props;
  return (
    <>
      <div className="jp-nbproof-RunView-columns">
        <EditableNotes
          key={`notes ${version.id}`}
          text={version.description ?? ''}
          words={{
            title: trans.__('Description'),
            write: trans.__('Write a description'),
            edit: trans.__('Edit the description'),
            box: trans.__('Description, in Markdown'),
            none: trans.__('No description.')
          }}
          render={props.renderNotes}
          onSave={actions.setDescription}
          trans={trans}
        />
        <EditableTags
          key={`tags ${version.id}`}
          tags={version.tags}
          needsValue={true}
          setTag={actions.setTag}
          trans={trans}
        />
      </div>
      <DatasetColumns
        key={`columns ${version.id}`}
        version={version}
        columns={model.columns}
        onLoad={actions.loadColumns}
        onRetry={actions.retryColumns}
        trans={trans}
      />
    </>
  );
}

function Head(props: Shown): JSX.Element {
  const { model, version, copied, actions, trans } = props;
  return (
    <header className="jp-nbproof-RunView-head">
      <div className="jp-nbproof-RunView-title">
        <h1 title={version.dataset}>
          <bdi>{version.dataset}</bdi>
        </h1>
        <VersionPicker {...props} />
        <button
          type="button"
          className="jp-nbproof-IconButton"
          aria-label={trans.__('Copy a link to this view')}
          title={
            copied === 'link'
              ? trans.__('Copied')
              : trans.__('Copy a link to this view')
          }
          data-done={copied === 'link' || undefined}
          onClick={actions.copyLink}
        >
          <linkIcon.react tag="span" />
        </button>
        <button
          type="button"
          className="jp-nbproof-IconButton"
          aria-label={trans.__('Delete…')}
          title={trans.__('Delete this version or the dataset…')}
          onClick={actions.delete}
        >
          <deleteIcon.react tag="span" />
        </button>
        <button
          type="button"
          className="jp-nbproof-IconButton"
          aria-label={trans.__('Refresh')}
          title={trans.__('Refresh')}
          onClick={actions.refresh}
        >
          <refreshIcon.react tag="span" />
        </button>
        <span className="jp-nbproof-hidden" aria-live="polite">
          {copied === null ? '' : trans.__('Copied')}
        </span>
      </div>
      <Facts {...props} />
      <div className="jp-nbproof-DatasetView-use">
        <Code {...props} />
        {!version.forgotten && (
          <Download
            version={version}
            isBusy={model.isDownloading}
            trans={trans}
            onDownload={actions.download}
          />
        )}
      </div>
    </header>
  );
}

/** Not among the versions: one that was not fetched, by its number. */
const ANOTHER = 'another';

function VersionPicker({ model, version, trans }: Shown): JSX.Element {
  const { versions, state } = model;
  const [draft, setDraft] = useState<string | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const opener = useRef<HTMLSelectElement>(null);
  useFocusBack(draft !== null, box, opener);
  if (draft !== null) {
    const number = /^v?([1-9][0-9]{0,8})$/.exec(draft.trim());
    return (
      <LineForm
        box={box}
        label={trans.__('Number of the version')}
        placeholder="v42"
        text={draft}
        word={trans.__('Show')}
        canSave={number !== null}
        trans={trans}
        onChange={setDraft}
        onSave={() => {
          if (number !== null) {
            model.show({ version: Number(number[1]) });
            setDraft(null);
          }
        }}
        onCancel={() => setDraft(null)}
      />
    );
  }
  const all = versions.some(one => one.id === version.id)
    ? versions
    : [...versions, version];
  return (
    <span className="jp-nbproof-Select">
      <select
        ref={opener}
        aria-label={trans.__('Version')}
        value={state.version === null ? '' : String(version.version)}
        onChange={event => {
          const { value } = event.target;
          if (value === ANOTHER) {
            setDraft('');
          } else {
            model.show({ version: value === '' ? null : Number(value) });
          }
        }}
      >
        <option value="">
          {trans.__('Latest (v%1)', versions.at(0)?.version ?? version.version)}
        </option>
        {all.map(one => (
          <option key={one.id} value={one.version}>
            {one.aliases.length > 0
              ? trans.__('v%1 (%2)', one.version, one.aliases.join(', '))
              : `v${one.version}`}
          </option>
        ))}
        {model.hasMore && (
          <option value={ANOTHER}>{trans.__('Another version…')}</option>
        )}
      </select>
    </span>
  );
}

function Facts({ version, actions, trans }: Shown): JSX.Element {
  const { rows, columns, files, source, run_id: run } = version;
  const target = targetOf(version);
  return (
    <dl className="jp-nbproof-Facts">
      <Fact word={trans.__('Kind')}>
        <span className="jp-nbproof-DatasetView-kind">
          <KindMark kind={version.kind} />
          {target === null
            ? kindWord(version.kind, trans)
            : trans.__('%1 by reference', kindWord(version.kind, trans))}
        </span>
      </Fact>
      {target !== null && (
        <Fact word={trans.__('Stays at')}>
          <span
            title={trans.__('%1: nothing of it is in the store', target)}
            data-target={target}
          >
            {shortPath(target)}
          </span>
        </Fact>
      )}
      {rows !== null && <Fact word={trans.__('Rows')}>{countText(rows)}</Fact>}
      {columns !== null && (
        <Fact word={trans.__('Columns')}>{countText(columns)}</Fact>
      )}
      {files !== null && version.kind === 'folder' && (
        <Fact word={trans.__('Files')}>{countText(files)}</Fact>
      )}
      <Fact word={trans.__('Size')}>{formatBytes(version.size_bytes)}</Fact>
      <Fact word={trans.__('New in the store')}>
        {formatBytes(version.new_bytes)}
      </Fact>
      <Fact word={trans.__('Registered')}>
        {instantWord(version.created_at)}
      </Fact>
      <Fact word={trans.__('Aliases')}>
        <Aliases
          key={version.id}
          version={version}
          onSet={actions.setAlias}
          onRemove={actions.removeAlias}
          trans={trans}
        />
      </Fact>
      {source !== null && source !== target && (
        <Fact word={trans.__('Read from')}>
          <span title={source}>{shortPath(source)}</span>
        </Fact>
      )}
      {run !== null && (
        <Fact word={trans.__('Run')}>
          <button
            type="button"
            role="link"
            className="jp-nbproof-LinkButton"
            title={run}
            onClick={() => actions.openRun(run)}
          >
            {shortId(run)}
          </button>
        </Fact>
      )}
      <Fact word={trans.__('Content')}>
        <code
          className="jp-nbproof-DatasetView-digest"
          title={trans.__('BLAKE3 %1', version.digest)}
        >
          {version.digest.slice(0, 12)}
        </code>
      </Fact>
    </dl>
  );
}

function Fact({
  word,
  children
}: {
  word: string;
  children: ReactNode;
}): JSX.Element {
  return (
    <div className="jp-nbproof-Fact">
      <dt>{word}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** The names that point at this version, and a box for another one. */
function Aliases({
  version,
  onSet,
  onRemove,
  trans
}: {
  version: DatasetVersion;
  onSet: (alias: string) => Promise<boolean>;
  onRemove: (alias: string) => Promise<boolean>;
  trans: TranslationBundle;
}): JSX.Element {
  const [draft, setDraft] = useState<string | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  useFocusBack(draft !== null, box, opener);
  const close = (): void => setDraft(null);
  const save = async (): Promise<void> => {
    if (await onSet((draft ?? '').trim())) {
      close();
    }
  };
  return (
    <div className="jp-nbproof-Aliases">
      {version.aliases.map(alias => (
        <Chip
          key={alias}
          text={alias}
          word={trans.__('Take the alias %1 away', alias)}
          onRemove={() => void onRemove(alias)}
        />
      ))}
      {draft === null ? (
        <button
          ref={opener}
          type="button"
          className="jp-nbproof-LinkButton"
          title={trans.__(
            'Point a name at this version: it moves from the version that had it'
          )}
          onClick={() => setDraft('')}
        >
          {trans.__('Set an alias')}
        </button>
      ) : (
        <LineForm
          box={box}
          label={trans.__('Alias of version %1', version.version)}
          placeholder="prod"
          text={draft}
          word={trans.__('Set')}
          canSave={draft.trim() !== ''}
          trans={trans}
          onChange={setDraft}
          onSave={() => void save()}
          onCancel={close}
        />
      )}
    </div>
  );
}

/** The line that reads it in a notebook, to be taken along. */
function Code({ version, copied, actions, trans }: Shown): JSX.Element {
  const Icon = copied === 'code' ? checkIcon : copyIcon;
  return (
    <span className="jp-nbproof-DatasetView-code">
      <code className="jp-nbproof-code">
        {codeOf(version.dataset, version.version)}
      </code>
      <button
        type="button"
        className="jp-nbproof-IconButton"
        aria-label={trans.__('Copy the code that reads this version')}
        title={
          copied === 'code'
            ? trans.__('Copied')
            : trans.__('Copy the code that reads this version')
        }
        data-done={copied === 'code' || undefined}
        onClick={actions.copyCode}
      >
        <Icon.react tag="span" />
      </button>
    </span>
  );
}

const FORMATS: readonly (readonly [Format, string])[] = [
  ['parquet', 'Parquet'],
  ['csv', 'CSV'],
  ['arrow', 'Arrow']
];

function Download({
  version,
  isBusy,
  trans,
  onDownload
}: {
  version: DatasetVersion;
  isBusy: boolean;
  trans: TranslationBundle;
  onDownload: (format: Format) => void;
}): JSX.Element {
  const id = useId();
  const [format, setFormat] = useState<Format>('parquet');
  return (
    <span className="jp-nbproof-Select">
      {version.kind === 'table' && (
        <>
          <label htmlFor={id}>{trans.__('As')}</label>
          <select
            id={id}
            aria-label={trans.__('Format of the download')}
            value={format}
            onChange={event => setFormat(event.target.value as Format)}
          >
            {FORMATS.map(([one, word]) => (
              <option key={one} value={one}>
                {word}
              </option>
            ))}
          </select>
        </>
      )}
      <button
        type="button"
        className="jp-nbproof-ToolButton jp-nbproof-DatasetView-download"
        disabled={isBusy}
        onClick={() => onDownload(format)}
      >
        <downloadIcon.react tag="span" />
        {isBusy
          ? trans.__('Downloading…')
          : version.kind === 'folder'
            ? trans.__('Download as zip')
            : trans.__('Download')}
      </button>
    </span>
  );
}

/** Every version with what keeping it really cost. */
function Versions({ model, version, actions, trans }: Shown): JSX.Element {
  const { versions } = model;
  const stored = versions.reduce((sum, one) => sum + one.new_bytes, 0);
  const alone = versions.reduce((sum, one) => sum + one.size_bytes, 0);
  return (
    <Section
      title={trans.__('Versions')}
      count={model.hasMore ? undefined : versions.length}
    >
      <p className="jp-nbproof-DatasetView-stored jp-nbproof-dim">
        {stored < alone
          ? trans.__(
              'These versions take %1 in the store; each kept alone, they would be %2.',
              formatBytes(stored),
              formatBytes(alone)
            )
          : trans.__(
              'These versions take %1 in the store.',
              formatBytes(stored)
            )}
      </p>
      <div className="jp-nbproof-Stats-scroll">
        <table className="jp-nbproof-Stats jp-nbproof-Versions">
          <thead>
            <tr>
              <th scope="col">{trans.__('Version')}</th>
              <th scope="col">{trans.__('Registered')}</th>
              <th scope="col">{trans.__('Rows or files')}</th>
              <th scope="col">{trans.__('Columns')}</th>
              <th scope="col">{trans.__('Size')}</th>
              <th scope="col">{trans.__('New in the store')}</th>
              <th scope="col">{trans.__('Aliases')}</th>
              <th scope="col">{trans.__('Description')}</th>
            </tr>
          </thead>
          <tbody>
            {versions.map(one => (
              <tr
                key={one.id}
                data-version={one.version}
                aria-current={one.id === version.id || undefined}
              >
                <th scope="row">
                  <button
                    type="button"
                    className="jp-nbproof-LinkButton"
                    aria-label={trans.__('Show version %1', one.version)}
                    onClick={() =>
                      model.show({ version: one.version, tab: 'columns' })
                    }
                  >
                    v{one.version}
                  </button>
                </th>
                <td title={instantWord(one.created_at)}>
                  {minuteWord(one.created_at)}
                </td>
                <td>{countOrDash(one.rows ?? one.files)}</td>
                <td>{countOrDash(one.columns)}</td>
                <td>
                  {targetOf(one) === null
                    ? formatBytes(one.size_bytes)
                    : trans.__('%1 by reference', formatBytes(one.size_bytes))}
                </td>
                <td>{formatBytes(one.new_bytes)}</td>
                <td>
                  <span className="jp-nbproof-Aliases">
                    {one.aliases.map(alias => (
                      <span key={alias} className="jp-nbproof-Alias">
                        {alias}
                      </span>
                    ))}
                  </span>
                </td>
                <td
                  className="jp-nbproof-Versions-text"
                  title={one.description ?? undefined}
                >
                  {(one.description ?? '').split('\n', 1)[0]}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {model.hasMore && (
        <button
          type="button"
          className="jp-nbproof-LinkButton"
          onClick={actions.loadMore}
        >
          {trans.__('Show older versions')}
        </button>
      )}
    </Section>
  );
}

const countOrDash = (count: number | null): string =>
  count === null ? '–' : countText(count);
