/** The search text: where it orders, and what may come next. The server alone decides what is right. */

import {
  Column,
  columnOf,
  columnOfField,
  fieldOf,
  quotedName
} from './columns';
import type { Known } from './columns';
import { ATTRIBUTES } from './columns';

export interface Sort {
  readonly column: string;
  readonly descending: boolean;
}

const QUOTED = /"(?:[^"]|"")*"?|'(?:[^']|'')*'?|`(?:[^`]|``)*`?/g;

/** A text in which what stands in quotes is blotted out, at the same places. */
const blotted = (text: string): string =>
  text.replace(QUOTED, found => '\u0000'.repeat(found.length));

/** A search without its order, and the order. */
export function splitOrder(query: string): { where: string; order: string } {
  const found = /\border\s+by\b/i.exec(blotted(query));
  return found === null
    ? { where: query.trim(), order: '' }
    : {
        where: query.slice(0, found.index).trim(),
        order: query.slice(found.index + found[0].length).trim()
      };
}

/** The first field that a search orders by; null for none or one that is no column. */
export function sortOf(query: string): Sort | null {
  const { order } = splitOrder(query);
  if (order === '') {
    return null;
  }
  const comma = blotted(order).indexOf(',');
  const first = comma < 0 ? order : order.slice(0, comma);
  const found = /^(.*?)(?:\s+(asc|desc))?$/is.exec(first.trim());
  const column = found === null ? null : columnOfField(found[1]);
  return column === null
    ? null
    : { column, descending: found?.[2]?.toLowerCase() === 'desc' };
}

/** The search to send: an order in the text wins over the one of the column's head. */
export function composeQuery(query: string, sort: Sort | null): string {
  const { where, order } = splitOrder(query);
  const column = sort === null ? null : columnOf(sort.column);
  const field = column === null ? null : fieldOf(column);
  if (order !== '' || field === null) {
    return query.trim();
  }
  return `${where} order by ${field} ${sort?.descending === true ? 'desc' : 'asc'}`.trim();
}

export interface Completion {
  readonly from: number;
  readonly to: number;
  readonly options: readonly Option[];
}

export interface Option {
  readonly label: string;
  /** What takes the place of the text between `from` and `to`. */
  readonly insert: string;
  readonly kind: 'field' | 'value' | 'word';
}

const OPERATORS = ['=', '!=', '>', '>=', '<', '<=', 'like', 'in', 'is null'];
const MOST = 12;

type Expected = 'field' | 'operator' | 'value' | 'join' | 'direction';

/** What may stand at the caret; without options where nothing is known. */
export function completionAt(
  query: string,
  caret: number,
  known: Known
): Completion {
  const text = query.slice(0, caret);
  const state = expectedAt(text);
  const typed = state.word;
  const from = caret - typed.length;
  const rest = /^[\w\-/.]*/.exec(query.slice(caret))?.[0] ?? '';
  const to = state.expected === 'field' ? caret + rest.length : caret;
  // Right behind something that is whole nothing is missing yet.
  const isBehind =
    typed === '' &&
    /[^\s]$/.test(text) &&
    ['join', 'direction', 'operator'].includes(state.expected);
  const options = isBehind
    ? []
    : optionsFor(state.expected, typed, state.field, known, state.isOrder);
  const isDone = options.length === 1 && options[0].insert.trim() === typed;
  return { from, to, options: isDone ? [] : options.slice(0, MOST) };
}

interface State {
  readonly expected: Expected;
  /** The word that is being typed, from its start to the caret. */
  readonly word: string;
  /** The field that a value is expected for. */
  readonly field: Column | null;
  readonly isOrder: boolean;
}

const TOKEN =
  /((?:metrics|params|tags)\.(?:`[^`]*`?|"[^"]*"?|[\w\-/.]*)|"(?:[^"]|"")*"?|'(?:[^']|'')*'?|[^\s()<>=!,~]+|[()<>=!,~]+)/gi;

function expectedAt(text: string): State {
  const tokens = [...text.matchAll(TOKEN)];
  let expected: Expected = 'field';
  let field: Column | null = null;
  let isOrder = false;
  for (const [index, token] of tokens.entries()) {
    const word = token[0];
    const lower = word.toLowerCase();
    const isLast = index === tokens.length - 1;
    const isSign = /^[()<>=!,~]+$/.test(word);
    const isOpen =
      isLast &&
      token.index + word.length === text.length &&
      !isSign &&
      !/^(["']).*\1$/s.test(word);
    if (isOpen) {
      return { expected, word, field, isOrder };
    }
    if (lower === 'order') {
      isOrder = true;
      expected = 'field';
    } else if (lower === 'by' || lower === 'and' || lower === 'or') {
      expected = 'field';
    } else if (lower === 'not' || word === '(') {
      expected = expected === 'operator' ? 'operator' : expected;
      if (word === '(' && expected === 'operator') {
        expected = 'value';
      }
    } else if (word === ',') {
      expected = isOrder ? 'field' : 'value';
    } else if (word === ')') {
      expected = 'join';
    } else if (expected === 'field') {
      const key = columnOfField(word);
      field = key === null ? null : columnOf(key);
      expected = isOrder ? 'direction' : 'operator';
    } else if (expected === 'operator') {
      expected =
        lower === 'is' ? 'operator' : lower === 'null' ? 'join' : 'value';
    } else {
      expected = 'join';
    }
  }
  return { expected, word: '', field, isOrder };
}

function optionsFor(
  expected: Expected,
  typed: string,
  field: Column | null,
  known: Known,
  isOrder: boolean
): Option[] {
  const words = (list: readonly string[]): Option[] =>
    matching(list, typed).map(label => ({
      label,
      insert: `${label} `,
      kind: 'word'
    }));
  switch (expected) {
    case 'field':
      return fieldOptions(typed, known, isOrder);
    case 'operator':
      return words(OPERATORS);
    case 'join':
      return words(['and', 'or', 'order by']);
    case 'direction':
      return words(['desc', 'asc']);
    case 'value': {
      if (field === null) {
        return [];
      }
      const bare = typed.replace(/^["']/, '');
      return matching(known.values.get(field.key) ?? [], bare).map(value => ({
        label: value,
        insert:
          field.group === 'params' &&
          value !== '' &&
          Number.isFinite(Number(value))
            ? `${value} `
            : `"${value.replaceAll('"', '""')}" `,
        kind: 'value'
      }));
    }
  }
}

function fieldOptions(typed: string, known: Known, isOrder: boolean): Option[] {
  const fields = [
    ...known.metrics.map(name => `metrics.${quotedName(name)}`),
    ...known.params.map(name => `params.${quotedName(name)}`),
    ...known.tags.map(name => `tags.${quotedName(name)}`)
  ];
  const attributes = ['name', ...ATTRIBUTES].filter(
    name => fieldOf({ key: '', group: 'run', name }) !== null
  );
  const prefixes = typed === '' ? ['metrics.', 'params.', 'tags.'] : [];
  const named = typed === '' ? [] : matching([...attributes, ...fields], typed);
  const all = typed === '' ? [...prefixes, ...attributes] : named;
  const options: Option[] = all.map(label => ({
    label,
    insert: label.endsWith('.') ? label : `${label} `,
    kind: 'field'
  }));
  const order: Option[] =
    !isOrder && typed !== '' && 'order by'.startsWith(typed.toLowerCase())
      ? [{ label: 'order by', insert: 'order by ', kind: 'word' }]
      : [];
  return [...options, ...order];
}

/** What begins with the typed text, then what contains it. */
function matching(list: readonly string[], typed: string): string[] {
  const wanted = typed.toLowerCase();
  const bare = wanted.replace(/[`"]/g, '');
  const starts: string[] = [];
  const holds: string[] = [];
  for (const one of list) {
    const lower = one.toLowerCase().replace(/[`"]/g, '');
    if (lower.startsWith(bare)) {
      starts.push(one);
    } else if (lower.includes(bare)) {
      holds.push(one);
    }
  }
  return [...starts, ...holds];
}
