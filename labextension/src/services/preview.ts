import type { ReadonlyJSONValue } from '@lumino/coreutils';

import { Artifact, Histogram, Requester, runsArtifactPreview } from './api';
import type { Problem } from './problem';

/** What can be seen of an artifact without opening it elsewhere. */
export type Preview =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly problem: Problem }
  | { readonly kind: 'none' }
  | { readonly kind: 'large' }
  | { readonly kind: 'image'; readonly url: string }
  | { readonly kind: 'histogram'; readonly histograms: readonly Histogram[] }
  /** Content that is not kept here, but named. */
  | { readonly kind: 'reference'; readonly target: string }
  | {
      readonly kind: 'text' | 'markdown' | 'html' | 'diff';
      readonly text: string;
    }
  /** What JupyterLab may have a picture for; the text is the same, readable. */
  | {
      readonly kind: 'json';
      readonly type: string;
      readonly data: ReadonlyJSONValue;
      readonly text: string;
    }
  | {
      readonly kind: 'table';
      readonly head: readonly string[];
      readonly rows: readonly (readonly string[])[];
      /** Rows that are not shown. */
      readonly left: number;
    };

export type Readable =
  'image' | 'text' | 'markdown' | 'html' | 'diff' | 'table' | 'json';

const MOST_IMAGE = 20 * 2 ** 20;
const MOST_TEXT = 2 * 2 ** 20;
const MOST_ROWS = 200;

/** `application/json`, and what is written in it: `application/vnd.plotly.v1+json`. */
const JSON_TYPE = /^application\/(?:[^;]+\+)?json\b/;
const TEXTS =
  /\.(txt|log|json|jsonl|ya?ml|toml|ini|cfg|py|r|jl|sql|sh|js|ts|css|xml|tex|ipynb|rst)$/i;

/** How an artifact can be shown, or why it can't. */
export function kindOf(
  artifact: Pick<
    Artifact,
    'name' | 'media_type' | 'size_bytes' | 'kind' | 'reference'
  >
): Readable | Preview {
  const { name, media_type: type, size_bytes: size, reference } = artifact;
  if (typeof reference === 'string') {
    return { kind: 'reference', target: reference };
  }
  if (artifact.kind === 'histogram') {
    // The server knows all of its versions.
    return { kind: 'none' };
  }
  const kind = ((): Readable | null => {
    if (type.startsWith('image/')) {
      return 'image';
    }
    if (/\.(diff|patch)$/i.test(name) || /\bdiff\b|x-patch/.test(type)) {
      return 'diff';
    }
    if (type.startsWith('text/html')) {
      return 'html';
    }
    if (/csv|tab-separated/.test(type) || /\.(csv|tsv)$/i.test(name)) {
      return 'table';
    }
    if (type.startsWith('text/markdown') || /\.md$/i.test(name)) {
      return 'markdown';
    }
    if (JSON_TYPE.test(type)) {
      return 'json';
    }
    return type.startsWith('text/') ||
      /json|yaml|xml|toml/.test(type) ||
      TEXTS.test(name)
      ? 'text'
      : null;
  })();
  if (kind === null) {
    return { kind: 'none' };
  }
  const most =
    kind === 'image' || artifact.kind === 'figure' ? MOST_IMAGE : MOST_TEXT;
  return size > most ? { kind: 'large' } : kind;
}

/** Make what is shown from an artifact's bytes. */
export async function readPreview(
  kind: Readable,
  bytes: Blob,
  name: string,
  type: string
): Promise<Preview> {
  if (kind === 'image') {
    return { kind, url: URL.createObjectURL(bytes) };
  }
  const text = await bytes.text();
  if (kind === 'table') {
    return tableOf(text, /\.tsv$/i.test(name) ? '\t' : ',');
  }
  return kind === 'json' ? jsonOf(text, type) : { kind, text };
}

/** JSON as data and set out in lines; what is none, such as NaN, is shown as it is. */
function jsonOf(text: string, type: string): Preview {
  try {
    const data = JSON.parse(text) as ReadonlyJSONValue;
    return {
      kind: 'json',
      type: type.split(';')[0].trim(),
      data,
      text: JSON.stringify(data, null, 2)
    };
  } catch {
    return { kind: 'text', text };
  }
}

/** The route by which a server shows what it can read and a browser can't. */
export const PREVIEW = 'GET /runs/{id}/artifacts/{name}/preview';

/** Ask the server for what it can tell of an artifact; `otherwise` where that is nothing. */
export async function askPreview(
  request: Requester,
  run: string,
  name: string,
  otherwise: Preview
): Promise<Preview> {
  const shown = await runsArtifactPreview(request, { id: run, name });
  const { text, image, columns, rows, histograms } = shown;
  switch (shown.shows) {
    case 'histogram':
      return histograms.length > 0
        ? { kind: 'histogram', histograms }
        : otherwise;
    case 'table':
      return {
        kind: 'table',
        head: columns.map(column => column.name),
        rows: rows.map(row => row.map(wordOf)),
        left: Math.max(0, (shown.row_count ?? rows.length) - rows.length)
      };
    case 'image':
      return image?.startsWith('data:image/') === true
        ? { kind: 'image', url: image }
        : otherwise;
    case 'text':
      return text === null ? otherwise : { kind: 'text', text };
    default:
      return otherwise;
  }
}

const wordOf = (cell: unknown): string =>
  typeof cell === 'string' ? cell : cell === null ? '' : JSON.stringify(cell);

/** The first rows of a table in text; quotes may hold commas and line ends. */
export function tableOf(text: string, comma: string): Preview {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let isQuoted = false;
  let left = 0;
  const endRow = (): void => {
    row.push(cell);
    cell = '';
    if (row.length > 1 || row[0] !== '') {
      if (rows.length <= MOST_ROWS) {
        rows.push(row);
      } else {
        left += 1;
      }
    }
    row = [];
  };
  for (let index = 0; index < text.length; index++) {
    const sign = text[index];
    if (isQuoted) {
      if (sign !== '"') {
        cell += sign;
      } else if (text[index + 1] === '"') {
        cell += '"';
        index += 1;
      } else {
        isQuoted = false;
      }
    } else if (sign === '"' && cell === '') {
      isQuoted = true;
    } else if (sign === comma) {
      row.push(cell);
      cell = '';
    } else if (sign === '\n') {
      endRow();
    } else if (sign !== '\r') {
      cell += sign;
    }
  }
  if (cell !== '' || row.length > 0) {
    endRow();
  }
  const [head = [], ...body] = rows;
  return { kind: 'table', head, rows: body, left };
}

/**
 * A page made safe to show: a policy of its own lets it load nothing from outside, so that whoever wrote it
 * does not learn that it is looked at.
 */
export function sealedPage(text: string, mayRun: boolean): string {
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    'img-src data: blob:',
    'font-src data:',
    'media-src data: blob:',
    ...(mayRun ? ["script-src 'unsafe-inline' 'unsafe-eval' blob:"] : []),
    "base-uri 'none'",
    "form-action 'none'"
  ].join('; ');
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
  // A doctype has to stay in front, or the page is drawn by the rules of old browsers; nothing else may.
  const doctype = /^\s*<!doctype[^>]*>/i.exec(text)?.[0] ?? '';
  return `${doctype}${meta}${text.slice(doctype.length)}`;
}
