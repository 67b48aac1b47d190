import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSX } from 'react';

import {
  countText,
  isUnique,
  shareText,
  smallBars,
  topOf,
  valueText
} from '../figures/dataset';
import type { ColumnSummary } from '../services/api';
import { toNumber } from '../figures/numbers';

const WIDTH = 132;
const HEIGHT = 30;
/** As many values as bars of them can be told apart. */
const VALUES = 12;

/** How the values of a column lie, in small; said in words for whoever does not see it. */
export function SmallHistogram({
  column,
  trans
}: {
  column: ColumnSummary;
  trans: TranslationBundle;
}): JSX.Element | null {
  const counts = countsOf(column);
  if (counts.length === 0 || isUnique(column)) {
    return null;
  }
  const { path } = smallBars(counts, WIDTH, HEIGHT);
  const words = barsWord(column, counts, trans);
  return (
    <svg
      className="jp-nbproof-SmallHistogram"
      data-kind={isRange(column) ? 'range' : 'values'}
      width={WIDTH}
      height={HEIGHT + 1}
      viewBox={`0 0 ${WIDTH} ${HEIGHT + 1}`}
      role="img"
      aria-label={words}
    >
      <title>{words}</title>
      <path className="jp-nbproof-SmallHistogram-bars" d={path} />
      <path
        className="jp-nbproof-SmallHistogram-base"
        d={`M0 ${HEIGHT + 0.5}h${WIDTH}`}
      />
    </svg>
  );
}

/** Whether its bars are ranges of numbers, rather than values. */
const isRange = (column: ColumnSummary): boolean => column.bars.length > 0;

const countsOf = (column: ColumnSummary): readonly number[] =>
  isRange(column)
    ? column.bars
    : topOf(column)
        .slice(0, VALUES)
        .map(([, count]) => count);

function barsWord(
  column: ColumnSummary,
  counts: readonly number[],
  trans: TranslationBundle
): string {
  const { highest } = smallBars(counts, WIDTH, HEIGHT);
  const present = column.rows - column.missing;
  const count = countText(counts[highest]);
  const share = shareText(counts[highest], present);
  if (!isRange(column)) {
    return trans.__(
      '%1: most often “%2”, in %3 rows (%4)',
      column.name,
      topOf(column)[highest][0],
      count,
      share
    );
  }
  const edge = (at: number): string => valueText(column, column.edges[at]);
  const from = toNumber(column.edges[0]);
  const to = toNumber(column.edges[column.edges.length - 1]);
  return from === to
    ? trans.__('%1: always %2', column.name, edge(0))
    : trans.__(
        '%1: from %2 to %3; most, %4 rows (%5), between %6 and %7',
        column.name,
        edge(0),
        edge(column.edges.length - 1),
        count,
        share,
        edge(highest),
        edge(highest + 1)
      );
}
