import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import { JSX, memo } from 'react';

import { formatShort, toNumber } from '../figures/numbers';
import type { Row } from '../models/rows';
import type { Metric } from '../services/api';
import { Sparkline } from './Sparkline';
import { StatusMark } from './StatusMark';
import { agoWord, instantWord, shortId, statusWord } from './words';

/** Deeper than this rows are not indented further: the sidebar is narrow. */
const DEEPEST = 6;

/** One run: status, name and age above; where it stands (its newest metric) below. */
export const RunRow = memo(function RunRow(props: RunRow.IProps): JSX.Element {
  const { row, trans, now } = props;
  const { run } = row;
  const metric = shownMetric(row);
  const Caret = row.expanded === true ? caretDownIcon : caretRightIcon;
  return (
    <div
      id={props.domId}
      className="jp-nbproof-Run"
      role="treeitem"
      tabIndex={-1}
      aria-level={row.level}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      aria-expanded={row.expanded ?? undefined}
      aria-selected={props.isActive}
      data-key={row.key}
      data-run={run.id}
      data-status={run.status}
      data-level={Math.min(row.level, DEEPEST)}
      title={titleOf(row, trans)}
    >
      {row.expanded !== null && (
        <Caret.react tag="span" className="jp-nbproof-Run-caret" />
      )}
      <StatusMark status={run.status} trans={trans} />
      <div className="jp-nbproof-Run-lines">
        <div className="jp-nbproof-Run-line">
          <span className="jp-nbproof-Run-name">{run.name}</span>
          <span className="jp-nbproof-Run-id">{shortId(run.id)}</span>
          <span className="jp-nbproof-Run-age">
            {agoWord(run.started, now, trans)}
          </span>
        </div>
        <div className="jp-nbproof-Run-line">
          {row.showExperiment && (
            <span className="jp-nbproof-Run-experiment">{run.experiment}</span>
          )}
          {metric === null ? (
            !row.showExperiment && (
              <span className="jp-nbproof-Run-none">
                {trans.__('no metrics')}
              </span>
            )
          ) : (
            <>
              <span className="jp-nbproof-Run-metric">{metric.name}</span>
              <span className="jp-nbproof-Run-value">
                {formatShort(toNumber(metric.value))}
              </span>
              {props.showSparkline && metric.spark.length > 1 && (
                <Sparkline values={metric.spark.map(toNumber)} />
              )}
            </>
          )}
        </div>
      </div>
    </div>
  );
});

function titleOf(
  { run, children }: RunRow.IProps['row'],
  trans: TranslationBundle
): string {
  const said = trans.__(
    '%1 (%2)\n%3, started %4',
    run.name,
    run.id,
    statusWord(run.status, trans),
    instantWord(run.started)
  );
  return children === 0
    ? said
    : `${said}\n${trans._n('%1 nested run', '%1 nested runs', children)}`;
}

/** The metric the search is about, where the run has it, else the newest one. */
function shownMetric({
  run,
  metric
}: RunRow.IProps['row']): Pick<Metric, 'name' | 'value' | 'spark'> | null {
  const newest = run.newest_metric;
  if (metric === null || metric === newest?.name || !(metric in run.metrics)) {
    return newest;
  }
  return { name: metric, value: run.metrics[metric], spark: [] };
}

export namespace RunRow {
  export interface IProps {
    row: Extract<Row, { type: 'run' }>;
    domId: string;
    isActive: boolean;
    showSparkline: boolean;
    now: number;
    trans: TranslationBundle;
  }
}
