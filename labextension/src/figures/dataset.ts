/** Datasets as they are named, counted and drawn in small. */

import type { ColumnSummary, Dataset, DatasetVersion } from '../services/api';
import { formatDuration } from './time';
import { formatShort, toNumber } from './numbers';

/** `sales@v3`: names a version for ever. */
export const versionName = (dataset: string, version: number): string =>
  `${dataset}@v${version}`;

/** A dataset's name and, where one is named, the number of a version; other references are for the server. */
export function versionOf(
  reference: string
): { readonly name: string; readonly version: number | null } | null {
  const at = reference.lastIndexOf('@');
  if (at < 0) {
    return { name: reference, version: null };
  }
  const number = /^v([1-9][0-9]{0,8})$/.exec(reference.slice(at + 1));
  return number === null || at === 0
    ? null
    : { name: reference.slice(0, at), version: Number(number[1]) };
}

/** A name as Python writes it in quotes. */
const quoted = (text: string): string => JSON.stringify(text);

/** The line that reads a version in a notebook. */
export const codeOf = (dataset: string, version: number): string =>
  `nbp.get_dataset(${quoted(versionName(dataset, version))})`;

/** What a downloaded version is called; signs that file systems refuse are left out. */
export function fileNameOf(version: DatasetVersion, format: string): string {
  const stem = `${version.dataset}-v${version.version}`.replace(
    /[/\\:*?"<>|]+/g,
    '_'
  );
  switch (version.kind) {
    case 'table':
      return `${stem}.${format}`;
    case 'folder':
      return `${stem}.zip`;
    default: {
      // A file keeps its suffix: it says what is in it.
      const suffix = /(\.[A-Za-z0-9]{1,8}){1,2}$/.exec(version.source ?? '');
      return `${stem}${suffix === null ? '' : suffix[0]}`;
    }
  }
}

/** Where the content of a version by reference stays; null of one that was copied. */
export const targetOf = ({
  reference
}: Pick<DatasetVersion, 'reference'>): string | null => {
  if (typeof reference !== 'object' || reference === null) {
    return null;
  }
  const { target } = reference as { target?: unknown };
  return typeof target === 'string' ? target : null;
};

/** How much there is of what, with the digits in groups. */
export const countText = (count: number): string => count.toLocaleString();

/** Rows of a table or files of a folder; null where there is nothing to count. */
export const amountOf = ({
  kind,
  rows,
  files
}: Pick<Dataset, 'kind' | 'rows' | 'files'>): {
  readonly unit: 'rows' | 'files';
  readonly count: number;
} | null => {
  if (kind === 'folder') {
    return files === null ? null : { unit: 'files', count: files };
  }
  return rows === null ? null : { unit: 'rows', count: rows };
};

/** Bars that fill a box, left to right. */
export interface SmallBars {
  /** Path of all bars, drawn in one go. */
  readonly path: string;
  readonly total: number;
  /** Index of the tallest. */
  readonly highest: number;
}

/**
 * The counts of a histogram as bars in a box. Whatever has a row is seen: a bar that would be thinner than a
 * pixel is a pixel high.
 */
export function smallBars(
  counts: readonly number[],
  width: number,
  height: number,
  most: number = Math.max(0, ...counts)
): SmallBars {
  const step = width / Math.max(1, counts.length);
  const gap = step > 3 ? 1 : 0;
  let path = '';
  let highest = 0;
  let total = 0;
  counts.forEach((count, index) => {
    total += count;
    if (count > counts[highest]) {
      highest = index;
    }
    if (count > 0 && most > 0) {
      const tall = Math.max(1, (height * count) / most);
      path += `M${round(index * step)} ${height}v${-round(tall)}h${round(step - gap)}v${round(tall)}z`;
    }
  });
  return { path, total, highest };
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** Arrow's types of which a number is an instant, by what one step of it is here. */
const isInstant = (type: string): boolean => /^(timestamp|date)/.test(type);

/** A value of a column as people read it: times are microseconds since 1970 in the records. */
export function valueText(
  { kind, type }: Pick<ColumnSummary, 'kind' | 'type'>,
  value: unknown
): string {
  if (value === null || value === undefined) {
    return '';
  }
  const number = toNumber(value);
  if (kind !== 'datetime' || !Number.isFinite(number)) {
    return formatShort(number);
  }
  if (!isInstant(type)) {
    return type.startsWith('duration')
      ? formatDuration(number / 1000)
      : new Date(number / 1000).toISOString().slice(11, 19);
  }
  const date = new Date(number / 1000);
  if (Number.isNaN(date.getTime())) {
    return formatShort(number);
  }
  const text = date.toISOString();
  return type.startsWith('date') || text.endsWith('T00:00:00.000Z')
    ? text.slice(0, 10)
    : text.slice(0, 19).replace('T', ' ');
}

/** The same for a narrow place: of times over many days only the day. */
export function shortValueText(
  column: Pick<ColumnSummary, 'kind' | 'type' | 'minimum' | 'maximum'>,
  value: unknown
): string {
  const text = valueText(column, value);
  const range = toNumber(column.maximum) - toNumber(column.minimum);
  return isInstant(column.type) && range > MANY_DAYS_US
    ? text.slice(0, 10)
    : text;
}

const MANY_DAYS_US = 3 * 86_400 * 1_000_000;

/** A part of a whole: `12 %`, `< 0.1 %`. */
export function shareText(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) {
    return '0 %';
  }
  const share = (100 * part) / whole;
  if (share < 0.1) {
    return '< 0.1 %';
  }
  if (share > 99.9 && part < whole) {
    return '> 99.9 %';
  }
  return `${Number(share.toFixed(share < 10 ? 1 : 0))} %`;
}

/** Whether no value of a column is there twice: then none of them is frequent. */
export const isUnique = (
  column: Pick<ColumnSummary, 'top' | 'bars'>
): boolean => column.bars.length === 0 && topOf(column).at(0)?.[1] === 1;

/** The most frequent values with their counts. */
export const topOf = ({
  top
}: Pick<ColumnSummary, 'top'>): readonly (readonly [string, number])[] =>
  top.map(([value, count]) => [String(value), Number(count)] as const);
