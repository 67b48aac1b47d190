import type { TranslationBundle } from '@jupyterlab/translation';

import { cellOf, Column } from '../figures/columns';
import {
  formatNumber,
  formatShort,
  formatValue,
  shortPath
} from '../figures/numbers';
import { formatDuration } from '../figures/time';
import type { Run } from '../services/api';
import { agoWord, instantWord, shortId, statusWord } from './words';

/** What a column is called in its head and in lists. */
export function columnWord(column: Column, trans: TranslationBundle): string {
  return column.group === 'run'
    ? attributeWord(column.name, trans)
    : column.name;
}

export function attributeWord(name: string, trans: TranslationBundle): string {
  switch (name) {
    case 'name':
      return trans.__('Name');
    case 'status':
      return trans.__('Status');
    case 'experiment':
      return trans.__('Experiment');
    case 'group':
      return trans.__('Group');
    case 'started':
      return trans.__('Started');
    case 'ended':
      return trans.__('Ended');
    case 'duration':
      return trans.__('Duration');
    case 'user':
      return trans.__('User');
    case 'host':
      return trans.__('Host');
    case 'source':
      return trans.__('Source');
    case 'branch':
      return trans.__('Branch');
    case 'commit':
      return trans.__('Commit');
    case 'python':
      return trans.__('Python');
    case 'notes':
      return trans.__('Notes');
    case 'parent':
      return trans.__('Part of');
    case 'id':
      return trans.__('Run id');
    default:
      return name;
  }
}

export function groupWord(
  group: Column['group'],
  trans: TranslationBundle
): string {
  switch (group) {
    case 'run':
      return trans.__('Attributes');
    case 'metrics':
      return trans.__('Metrics');
    case 'params':
      return trans.__('Params');
    case 'tags':
      return trans.__('Tags');
  }
}

/** What stands in a cell, and the same in full. */
export interface CellWords {
  readonly short: string;
  readonly full: string;
}

const NOTHING: CellWords = { short: '', full: '' };

export function cellWords(
  run: Run,
  column: Column,
  now: number,
  trans: TranslationBundle
): CellWords {
  const value = cellOf(run, column, now);
  if (value === null || value === undefined) {
    return NOTHING;
  }
  if (column.group === 'metrics') {
    const number = value as number;
    return { short: formatShort(number), full: formatNumber(number) };
  }
  if (column.group !== 'run') {
    const full = formatValue(value);
    return {
      short:
        typeof value === 'number' && full.length > 9
          ? formatShort(value)
          : full,
      full
    };
  }
  if (typeof value === 'number') {
    const word = formatDuration(value);
    return { short: word, full: word };
  }
  const text = formatValue(value);
  switch (column.name) {
    case 'status': {
      const word = statusWord(text, trans);
      return { short: word, full: word };
    }
    case 'started':
    case 'ended':
      return { short: agoWord(text, now, trans), full: instantWord(text) };
    case 'id':
    case 'parent':
      return { short: shortId(text), full: text };
    case 'commit':
      return {
        short: `${text.slice(0, 8)}${run.git?.dirty === true ? '*' : ''}`,
        full:
          run.git?.dirty === true
            ? trans.__('%1, with uncommitted changes', text)
            : text
      };
    case 'source':
      return { short: shortPath(text), full: text };
    case 'notes':
      return {
        short: text.split('\n', 1)[0].replace(/^#+\s*/, ''),
        full: text
      };
    default:
      return { short: text, full: text };
  }
}
