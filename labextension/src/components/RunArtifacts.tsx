import type { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownIcon,
  caretRightIcon,
  downloadIcon
} from '@jupyterlab/ui-components';
import { JSX, ReactNode, useEffect, useRef, useState } from 'react';

import { formatBytes, formatNumber } from '../figures/numbers';
import { ArtifactRow, artifactRows, isKept } from '../figures/folders';
import { folderKey } from '../models/run';
import type { Artifact, Run } from '../services/api';
import { Preview, sealedPage } from '../services/preview';
import { HistogramPlot } from './HistogramPlot';
import { Notes } from './Notes';
import { RenderedData } from './RenderedData';
import type { RunView } from './RunView';
import { instantWord, problemWords } from './words';

/** The files of a run, and the one that is looked into beside them. */
export function ArtifactsTab(
  props: RunView.IProps & { run: Run }
): JSX.Element {
  const { model, run, actions, trans } = props;
  const { artifacts } = run;
  const [find, setFind] = useState('');
  const wanted = find.trim().toLowerCase();
  const found = artifacts.filter(one =>
    one.name.toLowerCase().includes(wanted)
  );
  const opened = model.opened ?? firstOf(artifacts);
  const shown = artifacts.find(one => one.name === opened);
  const drawn = shown && figureOf(shown, artifacts);
  const { openArtifact } = actions;
  useEffect(() => {
    if (opened !== null) {
      openArtifact(opened);
    }
    // `openArtifact` is the same for the life of the page.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [opened]);
  if (run.artifacts.length === 0) {
    return (
      <p className="jp-nbproof-Curves-none jp-nbproof-dim">
        {trans.__('No artifacts: nbp.log_artifact("file") keeps a file here.')}
      </p>
    );
  }
  return (
    <div className="jp-nbproof-ArtifactsTab">
      <div className="jp-nbproof-ArtifactsTab-list">
        {artifacts.length > MANY && (
          <input
            type="search"
            className="jp-mod-styled jp-nbproof-Input"
            placeholder={trans.__('Find an artifact')}
            aria-label={trans.__('Find an artifact')}
            value={find}
            onChange={event => setFind(event.target.value)}
          />
        )}
        {found.length === 0 ? (
          <p className="jp-nbproof-dim">
            {trans.__('No artifact is called like “%1”.', find)}
          </p>
        ) : (
          <ArtifactTable
            artifacts={found}
            opened={opened}
            isSearched={wanted !== ''}
            downloading={model.downloading}
            trans={trans}
            onDownload={actions.download}
            onDownloadFolder={model.hasFolders ? actions.downloadFolder : null}
            onOpen={openArtifact}
          />
        )}
      </div>
      {opened !== null && (
        <section
          className="jp-nbproof-ArtifactsTab-preview"
          aria-label={trans.__('Preview of %1', opened)}
        >
          <h2 title={opened}>{opened}</h2>
          {shown !== undefined && (
            <ArtifactFacts
              artifact={shown}
              trans={trans}
              onDownload={isKept(shown) ? () => actions.download(opened) : null}
              isBusy={model.downloading.has(opened)}
            />
          )}
          {drawn !== undefined ? (
            <p className="jp-nbproof-dim">
              {trans.__(
                'This page draws with a script from the web, which is not loaded here.'
              )}{' '}
              <button
                type="button"
                className="jp-nbproof-LinkButton"
                onClick={() => openArtifact(drawn.name)}
              >
                {trans.__('Show the figure')}
              </button>
            </p>
          ) : (
            <PreviewBox
              key={opened}
              name={opened}
              preview={model.preview(opened)}
              renderNotes={props.renderNotes}
              renderData={props.renderData}
              trans={trans}
              onDownload={() => actions.download(opened)}
            />
          )}
        </section>
      )}
    </div>
  );
}

/** More artifacts than this are searched, and a folder of more is closed at first. */
const MANY = 12;

/** The artifact that stands first in the list. */
const firstOf = (artifacts: readonly Artifact[]): string | null => {
  const first = artifactRows(artifacts, () => true).find(
    row => row.kind === 'file'
  );
  return first?.artifact.name ?? null;
};

/** The figure of plotly that a page was made of; without plotly's script the page is empty. */
const figureOf = (
  page: Artifact,
  artifacts: readonly Artifact[]
): Artifact | undefined =>
  page.kind === 'figure' && page.media_type.startsWith('text/html')
    ? artifacts.find(
        ({ name }) => name === page.name.replace(/\.html$/, '.plotly.json')
      )
    : undefined;

/** What is known of an artifact beside its inside. */
function ArtifactFacts(props: {
  artifact: Artifact;
  /** Null where its content is elsewhere. */
  onDownload: (() => void) | null;
  isBusy: boolean;
  trans: TranslationBundle;
}): JSX.Element {
  const { artifact, onDownload, trans } = props;
  const { caption } = artifact.metadata;
  const facts = [
    artifact.media_type,
    sizeWord(artifact),
    artifact.step === null ? '' : trans.__('step %1', String(artifact.step)),
    artifact.version > 1 ? trans.__('version %1', artifact.version) : '',
    instantWord(artifact.created)
  ];
  return (
    <div className="jp-nbproof-ArtifactsTab-facts">
      {typeof caption === 'string' && caption !== '' && <p>{caption}</p>}
      <span>{facts.filter(fact => fact !== '').join(' · ')}</span>
      {onDownload !== null && (
        <button
          type="button"
          className="jp-nbproof-LinkButton"
          disabled={props.isBusy}
          onClick={onDownload}
        >
          {trans.__('Download')}
        </button>
      )}
    </div>
  );
}

/** Nothing where it is not known: the size of what is only named. */
const sizeWord = (artifact: Artifact): string =>
  !isKept(artifact) && artifact.size_bytes === 0
    ? ''
    : formatBytes(artifact.size_bytes);

/** What kind of thing it is; newer servers may know further ones. */
function kindWord(kind: string, trans: TranslationBundle): string {
  switch (kind) {
    case 'file':
      return trans.__('File');
    case 'image':
      return trans.__('Image');
    case 'figure':
      return trans.__('Figure');
    case 'table':
      return trans.__('Table');
    case 'text':
      return trans.__('Text');
    case 'data':
      return trans.__('Data');
    case 'html':
      return trans.__('Page');
    case 'histogram':
      return trans.__('Histogram');
    case 'audio':
      return trans.__('Audio');
    case 'video':
      return trans.__('Video');
    default:
      return kind;
  }
}

/** Artifacts as a tree of folders. */
export function ArtifactTable(props: {
  artifacts: readonly Artifact[];
  opened: string | null;
  /** What was searched for is not hidden in a folder. */
  isSearched?: boolean;
  downloading: ReadonlySet<string>;
  trans: TranslationBundle;
  onOpen: (name: string) => void;
  onDownload: (name: string) => void;
  /** Null where the server does not give folders whole. */
  onDownloadFolder: ((name: string) => void) | null;
}): JSX.Element {
  const { opened, isSearched, downloading, trans } = props;
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const current = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    current.current?.scrollIntoView({ block: 'nearest' });
  }, [opened]);
  const rows = artifactRows(
    props.artifacts,
    (folder, files) =>
      isSearched === true ||
      (chosen.get(folder) ??
        (files.length <= MANY || opened?.startsWith(`${folder}/`) === true))
  );
  return (
    <table className="jp-nbproof-Table jp-nbproof-Artifacts">
      <thead>
        <tr>
          <th scope="col">{trans.__('Name')}</th>
          <th scope="col">{trans.__('Type')}</th>
          <th scope="col">{trans.__('Size')}</th>
          <th scope="col">
            <span className="jp-nbproof-hidden">{trans.__('Download')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(row =>
          row.kind === 'folder' ? (
            <tr key={folderKey(row.name)} data-folder={row.name}>
              <NameCell row={row} name={row.name}>
                <button
                  type="button"
                  className="jp-nbproof-Artifacts-folder"
                  aria-expanded={row.isOpen}
                  aria-label={trans._n(
                    '%2, folder of %1 file',
                    '%2, folder of %1 files',
                    row.count,
                    row.name
                  )}
                  onClick={() =>
                    setChosen(new Map(chosen).set(row.name, !row.isOpen))
                  }
                >
                  {row.isOpen ? (
                    <caretDownIcon.react tag="span" />
                  ) : (
                    <caretRightIcon.react tag="span" />
                  )}
                  <bdi>{row.label}</bdi>
                  <span className="jp-nbproof-dim">{row.count}</span>
                </button>
              </NameCell>
              <td>{trans.__('Folder')}</td>
              <td>{row.isKept ? formatBytes(row.bytes) : ''}</td>
              <DownloadCell
                label={trans.__('Download %1 as a zip', row.name)}
                isBusy={downloading.has(folderKey(row.name))}
                onDownload={
                  row.isKept && props.onDownloadFolder !== null
                    ? () => props.onDownloadFolder?.(row.name)
                    : null
                }
              />
            </tr>
          ) : (
            <tr
              key={row.artifact.name}
              ref={row.artifact.name === opened ? current : undefined}
              data-opened={row.artifact.name === opened || undefined}
            >
              <NameCell row={row} name={row.artifact.name}>
                <button
                  type="button"
                  className="jp-nbproof-LinkButton"
                  aria-current={row.artifact.name === opened || undefined}
                  aria-label={row.artifact.name}
                  onClick={() => props.onOpen(row.artifact.name)}
                >
                  {row.label}
                </button>
              </NameCell>
              <td
                title={`${kindWord(row.artifact.kind, trans)} · ${row.artifact.media_type}`}
              >
                {kindWord(row.artifact.kind, trans)}
              </td>
              <td>{sizeWord(row.artifact)}</td>
              <DownloadCell
                label={trans.__('Download %1', row.artifact.name)}
                isBusy={downloading.has(row.artifact.name)}
                onDownload={
                  isKept(row.artifact)
                    ? () => props.onDownload(row.artifact.name)
                    : null
                }
              />
            </tr>
          )
        )}
      </tbody>
    </table>
  );
}

/** A name, as far to the right as it is deep in folders. */
function NameCell({
  row,
  name,
  children
}: {
  row: ArtifactRow<Artifact>;
  name: string;
  children: ReactNode;
}): JSX.Element {
  return (
    <th
      scope="row"
      title={name}
      style={{ paddingLeft: `calc(${Math.min(row.depth, 8)} * 1.4em)` }}
    >
      {children}
    </th>
  );
}

function DownloadCell({
  label,
  isBusy,
  onDownload
}: {
  label: string;
  isBusy: boolean;
  /** Null where there is nothing to fetch. */
  onDownload: (() => void) | null;
}): JSX.Element {
  return (
    <td>
      {onDownload !== null && (
        <button
          type="button"
          className="jp-nbproof-IconButton"
          aria-label={label}
          title={label}
          disabled={isBusy}
          onClick={onDownload}
        >
          <downloadIcon.react tag="span" />
        </button>
      )}
    </td>
  );
}

/** The inside of an artifact, as far as it can be shown safely. */
export function PreviewBox(props: {
  name: string;
  preview: Preview | null;
  renderNotes: Notes.Render | null;
  renderData: RenderedData.Render | null;
  trans: TranslationBundle;
  onDownload: () => void;
}): JSX.Element {
  const { name, preview, trans } = props;
  switch (preview?.kind) {
    case undefined:
    case 'loading':
      return (
        <div
          className="jp-nbproof-Metric-place jp-nbproof-isLoading"
          role="status"
          aria-label={trans.__('Loading %1…', name)}
        />
      );
    case 'failed':
      return <p role="alert">{problemWords(preview.problem, trans).title}</p>;
    case 'none':
    case 'large':
      return (
        <p className="jp-nbproof-dim">
          {preview.kind === 'none'
            ? trans.__('Files of this type have no preview.')
            : trans.__('Too large for a preview.')}{' '}
          <button
            type="button"
            className="jp-nbproof-LinkButton"
            onClick={props.onDownload}
          >
            {trans.__('Download it')}
          </button>
        </p>
      );
    case 'histogram':
      return (
        <HistogramPlot
          histograms={preview.histograms}
          name={name}
          trans={trans}
        />
      );
    case 'reference':
      return (
        <p>
          {trans.__('The content is not kept with the run. It is named:')}{' '}
          <code className="jp-nbproof-Preview-target">{preview.target}</code>
        </p>
      );
    case 'image':
      return (
        <img
          className="jp-nbproof-Preview-image"
          src={preview.url}
          alt={name}
        />
      );
    case 'text':
      return <pre className="jp-nbproof-Preview-text">{preview.text}</pre>;
    case 'json':
      return (
        <RenderedData
          type={preview.type}
          data={preview.data}
          text={preview.text}
          render={props.renderData}
        />
      );
    case 'diff':
      return <Diff text={preview.text} />;
    case 'markdown':
      return <Notes text={preview.text} render={props.renderNotes} />;
    case 'html':
      return <Page name={name} text={preview.text} trans={trans} />;
    case 'table': {
      const numeric = preview.head.map((_, place) =>
        isNumbers(preview.rows.map(row => row[place] ?? ''))
      );
      return (
        <div className="jp-nbproof-Preview-table">
          <table className="jp-nbproof-Table">
            <thead>
              <tr>
                {preview.head.map((cell, index) => (
                  <th
                    key={index}
                    scope="col"
                    data-numeric={numeric[index] || undefined}
                  >
                    {cell}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {preview.rows.map((row, index) => (
                <tr key={index}>
                  {row.map((cell, place) => (
                    <td
                      key={place}
                      title={cell}
                      data-numeric={numeric[place] || undefined}
                    >
                      {numeric[place] ? numberWord(cell) : cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
          {preview.left > 0 && (
            <p className="jp-nbproof-dim">
              {trans._n(
                '%1 more row is not shown.',
                '%1 more rows are not shown.',
                preview.left
              )}
            </p>
          )}
        </div>
      );
    }
  }
}

/** Whether a column holds numbers: they are set to the right, so that their digits stand beneath each other. */
const isNumbers = (cells: readonly string[]): boolean => {
  const filled = cells.filter(cell => cell !== '');
  return filled.length > 0 && filled.every(cell => !isNaN(Number(cell)));
};

/** A number with more digits than anybody reads is rounded; its title has all of them. */
const numberWord = (cell: string): string =>
  cell.length > 12 && cell.includes('.') ? formatNumber(Number(cell)) : cell;

/** Somebody's page: in a frame of its own that can reach nothing, and runs nothing unless asked to. */
function Page({
  name,
  text,
  trans
}: {
  name: string;
  text: string;
  trans: TranslationBundle;
}): JSX.Element {
  const [mayRun, setMayRun] = useState(false);
  return (
    <>
      <p className="jp-nbproof-Preview-rule">
        {mayRun
          ? trans.__(
              'The page runs its scripts in a frame of its own. It can load nothing from outside.'
            )
          : trans.__(
              'The page runs no scripts and loads nothing from outside.'
            )}{' '}
        {!mayRun && (
          <button
            type="button"
            className="jp-nbproof-LinkButton"
            onClick={() => setMayRun(true)}
          >
            {trans.__('Run its scripts')}
          </button>
        )}
      </p>
      <iframe
        key={String(mayRun)}
        className="jp-nbproof-Preview-page"
        title={name}
        sandbox={mayRun ? 'allow-scripts' : ''}
        srcDoc={sealedPage(text, mayRun)}
      />
    </>
  );
}

/** Lines that were added and taken away. */
export function Diff({ text }: { text: string }): JSX.Element {
  return (
    <pre className="jp-nbproof-Preview-text jp-nbproof-Diff">
      {text
        .replace(/\n$/, '')
        .split('\n')
        .map((line, index) => (
          <span key={index} data-kind={lineKind(line)}>
            {line}
            {'\n'}
          </span>
        ))}
    </pre>
  );
}

function lineKind(line: string): string | undefined {
  if (/^(diff |index |\+\+\+ |--- |@@ )/.test(line)) {
    return 'head';
  }
  return line.startsWith('+')
    ? 'added'
    : line.startsWith('-')
      ? 'removed'
      : undefined;
}
