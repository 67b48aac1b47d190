import type { TranslationBundle } from '@jupyterlab/translation';
import { downloadIcon } from '@jupyterlab/ui-components';
import { JSX, useEffect, useState } from 'react';

import { formatBytes } from '../figures/numbers';
import type { Artifact, Run } from '../services/api';
import type { Preview } from '../services/preview';
import { Notes } from './Notes';
import type { RunView } from './RunView';
import { problemWords } from './words';

/** The files of a run, and the one that is looked into beside them. */
export function ArtifactsTab(
  props: RunView.IProps & { run: Run }
): JSX.Element {
  const { model, run, actions, trans } = props;
  const first = run.artifacts.at(0)?.name ?? null;
  const opened = model.opened ?? first;
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
      <ArtifactTable
        artifacts={run.artifacts}
        opened={opened}
        downloading={model.downloading}
        trans={trans}
        onDownload={actions.download}
        onOpen={openArtifact}
      />
      {opened !== null && (
        <section
          className="jp-nbproof-ArtifactsTab-preview"
          aria-label={trans.__('Preview of %1', opened)}
        >
          <h2 title={opened}>{opened}</h2>
          <PreviewBox
            key={opened}
            name={opened}
            preview={model.preview(opened)}
            renderNotes={props.renderNotes}
            trans={trans}
            onDownload={() => actions.download(opened)}
          />
        </section>
      )}
    </div>
  );
}

export function ArtifactTable(props: {
  artifacts: readonly Artifact[];
  opened: string | null;
  downloading: ReadonlySet<string>;
  trans: TranslationBundle;
  onOpen: (name: string) => void;
  onDownload: (name: string) => void;
}): JSX.Element {
  const { trans } = props;
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
        {props.artifacts.map(({ name, media_type: type, size_bytes: size }) => (
          <tr key={name} data-opened={name === props.opened || undefined}>
            <th scope="row" title={name}>
              <button
                type="button"
                className="jp-nbproof-LinkButton"
                aria-current={name === props.opened || undefined}
                onClick={() => props.onOpen(name)}
              >
                {name}
              </button>
            </th>
            <td title={type}>{type}</td>
            <td>{formatBytes(size)}</td>
            <td>
              <button
                type="button"
                className="jp-nbproof-IconButton"
                aria-label={trans.__('Download %1', name)}
                title={trans.__('Download %1', name)}
                disabled={props.downloading.has(name)}
                onClick={() => props.onDownload(name)}
              >
                <downloadIcon.react tag="span" />
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The inside of an artifact, as far as it can be shown safely. */
export function PreviewBox(props: {
  name: string;
  preview: Preview | null;
  renderNotes: Notes.Render | null;
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
    case 'diff':
      return <Diff text={preview.text} />;
    case 'markdown':
      return <Notes text={preview.text} render={props.renderNotes} />;
    case 'html':
      return <Page name={name} text={preview.text} trans={trans} />;
    case 'table':
      return (
        <div className="jp-nbproof-Preview-table">
          <table className="jp-nbproof-Table">
            <thead>
              <tr>
                {preview.head.map((cell, index) => (
                  <th key={index} scope="col">
                    {cell}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {preview.rows.map((row, index) => (
                <tr key={index}>
                  {row.map((cell, place) => (
                    <td key={place}>{cell}</td>
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
      <iframe
        key={String(mayRun)}
        className="jp-nbproof-Preview-page"
        title={name}
        sandbox={mayRun ? 'allow-scripts' : ''}
        srcDoc={text}
      />
      {!mayRun && (
        <p className="jp-nbproof-dim">
          {trans.__('Scripts of the page do not run.')}{' '}
          <button
            type="button"
            className="jp-nbproof-LinkButton"
            onClick={() => setMayRun(true)}
          >
            {trans.__('Run them, apart from JupyterLab')}
          </button>
        </p>
      )}
    </>
  );
}

/** Lines that were added and taken away. */
export function Diff({ text }: { text: string }): JSX.Element {
  return (
    <pre className="jp-nbproof-Preview-text jp-nbproof-Diff">
      {text.split('\n').map((line, index) => (
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
