import type { TranslationBundle } from '@jupyterlab/translation';

import { ago } from '../figures/time';
import type { Problem } from '../services/problem';

/** The last digits of an id, by which people tell runs apart. */
export const shortId = (id: string): string => id.slice(-6);

export function statusWord(status: string, trans: TranslationBundle): string {
  switch (status) {
    case 'running':
      return trans.__('Running');
    case 'finished':
      return trans.__('Finished');
    case 'failed':
      return trans.__('Failed');
    case 'interrupted':
      return trans.__('Interrupted');
    case 'cancelled':
      return trans.__('Cancelled');
    default:
      return status;
  }
}

/** What a node of lineage is. */
export function nodeWord(kind: string, trans: TranslationBundle): string {
  switch (kind) {
    case 'file':
      return trans.__('file');
    case 'dataset_version':
      return trans.__('dataset version');
    case 'drift_report':
      return trans.__('drift report');
    case 'cell':
      return trans.__('cell');
    case 'run':
      return trans.__('run');
    case 'artifact':
      return trans.__('artifact');
    case 'feature':
      return trans.__('feature');
    case 'model_version':
      return trans.__('model version');
    case 'card':
      return trans.__('card');
    case 'monitor':
      return trans.__('monitor');
    case 'alert':
      return trans.__('alert');
    case 'external':
      return trans.__('external');
    default:
      return kind.replaceAll('_', ' ');
  }
}

/** How long ago, in a few letters. */
export function agoWord(
  instant: string,
  now: number,
  trans: TranslationBundle
): string {
  const then = Date.parse(instant);
  const { unit, count } = ago(then, now);
  switch (unit) {
    case 'now':
      return trans.__('now');
    case 'second':
      return trans.__('%1 s ago', count);
    case 'minute':
      return trans.__('%1 min ago', count);
    case 'hour':
      return trans.__('%1 h ago', count);
    case 'day':
      return trans._n('%1 day ago', '%1 days ago', count);
    case 'date':
      return dateWord(then, now);
  }
}

function dateWord(then: number, now: number): string {
  const date = new Date(then);
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  return date.toLocaleDateString(undefined, {
    month: 'short',
    day: 'numeric',
    ...(sameYear ? {} : { year: 'numeric' })
  });
}

/** The server's messages begin in lower case, as fits a terminal; here they stand alone, unless they are a command. */
const sentence = (text: string): string =>
  /^(pip|nbproof) /.test(text)
    ? text
    : text.charAt(0).toUpperCase() + text.slice(1);

/** An instant in full, in the reader's own time zone. */
export const instantWord = (instant: string): string =>
  new Date(instant).toLocaleString(undefined, {
    dateStyle: 'medium',
    timeStyle: 'medium'
  });

/** The same without seconds, where room is short. */
export const minuteWord = (instant: string): string =>
  new Date(instant).toLocaleString(undefined, {
    dateStyle: 'medium',
    timeStyle: 'short'
  });

/** What went wrong, as a title and what to do about it. */
export function problemWords(
  problem: Problem,
  trans: TranslationBundle
): { title: string; text: string } {
  switch (problem.kind) {
    case 'offline':
      return {
        title: trans.__('The server does not answer'),
        text: trans.__(
          'What you see is from before. nbproof keeps trying; nothing that your cells log is lost meanwhile.'
        )
      };
    case 'missing':
      return {
        title: trans.__('nbproof is not running in this Jupyter server'),
        text: trans.__(
          'This server has no nbproof extension, or an older one. Install nbproof in the environment that JupyterLab runs in, then restart JupyterLab. “nbproof doctor” tells more.'
        )
      };
    case 'denied':
      return {
        title: trans.__('This session may not read the runs'),
        text:
          problem.hint ??
          trans.__('Log in again, or ask who runs this server for access.')
      };
    case 'refused':
    case 'broken':
      return {
        title: sentence(problem.message),
        text: sentence(problem.hint ?? '')
      };
  }
}

/** What went wrong in one line, for places that keep no paragraphs. */
export function problemLine(
  problem: Problem,
  trans: TranslationBundle
): string {
  const { title, text } = problemWords(problem, trans);
  return text === '' ? title : trans.__('%1. %2', title, text);
}

/** What a fact of an environment is called; one that is not known here keeps its own name. */
export function factWord(key: string, trans: TranslationBundle): string {
  switch (key) {
    case 'python':
      return trans.__('Python');
    case 'implementation':
      return trans.__('Implementation');
    case 'executable':
      return trans.__('Program');
    case 'jupyter':
      return trans.__('Jupyter');
    case 'os':
      return trans.__('Operating system');
    case 'machine':
      return trans.__('Architecture');
    case 'cpu':
      return trans.__('Processor');
    case 'cpu_count':
      return trans.__('Processor cores');
    case 'memory_bytes':
      return trans.__('Memory');
    case 'gpus':
    case 'gpu':
      return trans.__('Graphics cards');
    case 'host':
      return trans.__('Host');
    case 'user':
      return trans.__('User');
    case 'hash':
      return trans.__('Fingerprint');
    case 'command':
      return trans.__('Command line');
    case 'entry':
      return trans.__('Started by');
    case 'branch':
      return trans.__('Branch');
    case 'commit':
      return trans.__('Commit');
    case 'dirty':
      return trans.__('Uncommitted changes');
    case 'remote':
      return trans.__('Remote');
    case 'source':
      return trans.__('Source');
    case 'code':
      return trans.__('Code');
    default:
      return key;
  }
}

/** What a dataset is. */
export function kindWord(kind: string, trans: TranslationBundle): string {
  switch (kind) {
    case 'table':
      return trans.__('Table');
    case 'file':
      return trans.__('File');
    case 'folder':
      return trans.__('Folder');
    default:
      return kind;
  }
}
