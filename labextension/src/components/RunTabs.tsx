import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, useEffect, useState } from 'react';

import { naturally } from '../figures/columns';
import {
  formatNumber,
  formatShort,
  formatValue,
  shortPath,
  toNumber
} from '../figures/numbers';
import type { Metric, Run } from '../services/api';
import { EditableNotes, EditableTags } from './Editing';
import { ArtifactTable, PreviewBox } from './RunArtifacts';
import type { RunView } from './RunView';
import { FactTable, Section } from './Section';
import { Sparkline } from './Sparkline';

type Props = RunView.IProps & { run: Run };

/** What one wants to know first is no list of hundreds. */
const MOST_METRICS = 50;
const MOST_PARAMS = 30;

/** What one wants to know first. */
export function Overview(props: Props): JSX.Element {
  const { model, run, actions, trans } = props;
  return (
    <div className="jp-nbproof-RunView-columns">
      <div className="jp-nbproof-RunView-main">
        <MetricTable
          metrics={model.metrics}
          trans={trans}
          onMore={() => actions.chooseTab('charts')}
        />
        <EditableNotes
          text={run.notes ?? ''}
          words={{
            title: trans.__('Notes'),
            write: trans.__('Write notes'),
            edit: trans.__('Edit notes'),
            box: trans.__('Notes, in Markdown'),
            none: trans.__('No notes.')
          }}
          render={props.renderNotes}
          onSave={actions.edits.setNotes}
          trans={trans}
        />
        {run.artifacts.length > 0 && (
          <Section title={trans.__('Artifacts')} count={run.artifacts.length}>
            <ArtifactTable
              artifacts={run.artifacts}
              opened={null}
              downloading={model.downloading}
              trans={trans}
              onDownload={actions.download}
              onDownloadFolder={
                model.hasFolders ? actions.downloadFolder : null
              }
              onOpen={name => {
                actions.openArtifact(name);
                actions.chooseTab('artifacts');
              }}
            />
          </Section>
        )}
      </div>
      <div className="jp-nbproof-RunView-side">
        <Params
          run={run}
          trans={trans}
          onMore={() => actions.chooseTab('params')}
        />
        <EditableTags
          tags={run.tags}
          setTag={actions.edits.setTag}
          trans={trans}
        />
        <Provenance run={run} trans={trans} />
      </div>
    </div>
  );
}

/** Where each metric stands, with its course in small. */
function MetricTable({
  metrics,
  trans,
  onMore
}: {
  metrics: readonly Metric[];
  trans: TranslationBundle;
  onMore: () => void;
}): JSX.Element {
  const limited = (value: Metric['min']): string =>
    value === null ? '' : formatShort(toNumber(value));
  return (
    <Section title={trans.__('Metrics')} count={metrics.length}>
      {metrics.length === 0 ? (
        <p className="jp-nbproof-dim">{trans.__('No metrics.')}</p>
      ) : (
        <table className="jp-nbproof-Table jp-nbproof-MetricTable">
          <thead>
            <tr>
              <th scope="col" className="jp-nbproof-MetricTable-name">
                {trans.__('Name')}
              </th>
              <th scope="col" className="jp-nbproof-MetricTable-course">
                <span className="jp-nbproof-hidden">{trans.__('Course')}</span>
              </th>
              <th scope="col" className="jp-nbproof-MetricTable-number">
                {trans.__('latest')}
              </th>
              <th
                scope="col"
                className="jp-nbproof-MetricTable-number jp-nbproof-MetricTable-spare"
              >
                {trans.__('min')}
              </th>
              <th
                scope="col"
                className="jp-nbproof-MetricTable-number jp-nbproof-MetricTable-spare"
              >
                {trans.__('max')}
              </th>
              <th scope="col" className="jp-nbproof-MetricTable-number">
                {trans.__('points')}
              </th>
            </tr>
          </thead>
          <tbody>
            {metrics.slice(0, MOST_METRICS).map(metric => (
              <tr key={metric.name} data-metric={metric.name}>
                <th
                  scope="row"
                  className="jp-nbproof-MetricTable-name"
                  title={metric.name}
                >
                  {metric.name}
                </th>
                <td>
                  {metric.spark.length > 1 && (
                    <Sparkline values={metric.spark.map(toNumber)} />
                  )}
                </td>
                <td title={String(metric.value)}>
                  <b>{formatNumber(toNumber(metric.value))}</b>
                </td>
                <td className="jp-nbproof-MetricTable-spare">
                  {limited(metric.min)}
                </td>
                <td className="jp-nbproof-MetricTable-spare">
                  {limited(metric.max)}
                </td>
                <td>{metric.count.toLocaleString()}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <More
        count={metrics.length - MOST_METRICS}
        trans={trans}
        onMore={onMore}
      />
    </Section>
  );
}

/** The rest of a list, which another tab has in full. */
function More({
  count,
  trans,
  onMore
}: {
  count: number;
  trans: TranslationBundle;
  onMore: () => void;
}): JSX.Element | null {
  return count <= 0 ? null : (
    <button
      type="button"
      className="jp-nbproof-LinkButton jp-nbproof-More"
      onClick={onMore}
    >
      {trans._n('%1 more', '%1 more', count)}
    </button>
  );
}

function Params({
  run,
  trans,
  onMore
}: {
  run: Run;
  trans: TranslationBundle;
  onMore: () => void;
}): JSX.Element {
  const rows = paramRows(run);
  return (
    <Section title={trans.__('Params')} count={rows.length}>
      {rows.length === 0 ? (
        <p className="jp-nbproof-dim">{trans.__('No params.')}</p>
      ) : (
        <FactTable
          label={trans.__('Params')}
          rows={rows.slice(0, MOST_PARAMS)}
        />
      )}
      <More count={rows.length - MOST_PARAMS} trans={trans} onMore={onMore} />
    </Section>
  );
}

const paramRows = (run: Run): (readonly [string, string])[] =>
  Object.entries(run.params)
    .sort(byName)
    .map(([key, value]) => [key, formatValue(value)]);

/** All params, to be searched, with room for long ones. */
export function ParamsTab({
  run,
  trans
}: {
  run: Run;
  trans: TranslationBundle;
}): JSX.Element {
  const [find, setFind] = useState('');
  const wanted = find.trim().toLowerCase();
  const rows = paramRows(run);
  const shown = rows.filter(
    ([key, value]) =>
      key.toLowerCase().includes(wanted) || value.toLowerCase().includes(wanted)
  );
  return (
    <Section
      title={trans.__('Params')}
      count={rows.length}
      tools={
        rows.length > 8 && (
          <input
            type="search"
            className="jp-mod-styled jp-nbproof-Input"
            placeholder={trans.__('Find a param')}
            aria-label={trans.__('Find a param')}
            value={find}
            onChange={event => setFind(event.target.value)}
          />
        )
      }
    >
      {shown.length === 0 ? (
        <p className="jp-nbproof-dim">
          {rows.length === 0
            ? trans.__('No params.')
            : trans.__('No param is like “%1”.', find)}
        </p>
      ) : (
        <div className="jp-nbproof-Long">
          <FactTable label={trans.__('Params')} rows={shown} />
        </div>
      )}
    </Section>
  );
}

type Facts = (readonly [string, string | null | undefined, string?])[];

const known = (facts: Facts): (readonly [string, string, string?])[] =>
  facts.flatMap(([key, value, full]) =>
    value === null || value === undefined || value === ''
      ? []
      : [[key, value, full] as const]
  );

function gitFacts(run: Run, trans: TranslationBundle): Facts {
  const { git } = run;
  const commit = git?.commit ?? null;
  return [
    [trans.__('Branch'), git?.branch],
    [
      trans.__('Commit'),
      commit === null
        ? null
        : git?.dirty === true
          ? trans.__('%1, with uncommitted changes', commit.slice(0, 10))
          : commit.slice(0, 10),
      commit ?? undefined
    ],
    [trans.__('Remote'), git?.remote]
  ];
}

function Provenance({
  run,
  trans
}: {
  run: Run;
  trans: TranslationBundle;
}): JSX.Element {
  const rows = known([
    [
      trans.__('Source'),
      run.source === null ? null : shortPath(run.source),
      run.source ?? undefined
    ],
    ...gitFacts(run, trans).slice(0, 2),
    [trans.__('Python'), run.python],
    [trans.__('User'), run.user],
    [trans.__('Host'), run.host]
  ]);
  return (
    <Section title={trans.__('Where it came from')}>
      <FactTable label={trans.__('Where it came from')} rows={rows} />
      {run.git === null && (
        <p className="jp-nbproof-dim">{trans.__('Not in a git repository.')}</p>
      )}
    </Section>
  );
}

/** The state of the code: repository, fingerprint, and what was not committed. */
export function CodeTab(props: Props): JSX.Element {
  const { model, run, actions, trans } = props;
  const diffs = run.artifacts.filter(one => /\.(diff|patch)$/i.test(one.name));
  const names = diffs.map(one => one.name).join('\n');
  const { look } = actions;
  useEffect(() => {
    for (const name of names.split('\n')) {
      look(name);
    }
    // `look` is the same for the life of the page.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [names]);
  const rows = known([
    [trans.__('Source'), run.source],
    ...gitFacts(run, trans).map(
      ([key, value, full]) =>
        [key, key === trans.__('Commit') ? (full ?? value) : value] as const
    ),
    [
      trans.__('Uncommitted changes'),
      run.git?.dirty === true ? trans.__('Yes') : null
    ],
    [trans.__('Started by'), run.entry],
    [trans.__('Command line'), run.command],
    [trans.__('Fingerprint'), run.code]
  ]);
  return (
    <>
      <Section title={trans.__('Code')}>
        {rows.length > 0 && (
          <div className="jp-nbproof-Long">
            <FactTable label={trans.__('Code')} rows={rows} />
          </div>
        )}
        {run.git === null && (
          <p className="jp-nbproof-dim">
            {trans.__('Not in a git repository.')}
          </p>
        )}
        {run.git?.dirty === true && diffs.length === 0 && (
          <p className="jp-nbproof-dim">
            {trans.__(
              'There were uncommitted changes, which were not kept with the run.'
            )}
          </p>
        )}
        {run.git?.dirty === false && (
          <p className="jp-nbproof-dim">
            {trans.__('Everything was committed.')}
          </p>
        )}
      </Section>
      {diffs.map(artifact => (
        <Section key={artifact.name} title={artifact.name}>
          <PreviewBox
            name={artifact.name}
            preview={model.preview(artifact.name)}
            renderNotes={props.renderNotes}
            renderData={props.renderData}
            trans={trans}
            onDownload={() => actions.download(artifact.name)}
          />
        </Section>
      ))}
    </>
  );
}

const byName = (
  [a]: readonly [string, unknown],
  [b]: readonly [string, unknown]
): number => naturally(a, b);
