import type { Completion, Option } from '../figures/search';
import type { Requester } from './api';

/** The route that knows every name and value of a workspace, where the server has it. */
export const COMPLETIONS = 'GET /runs/search/completions';

interface Answer {
  readonly start: number;
  readonly end: number;
  readonly items: readonly { readonly text: string; readonly kind: string }[];
}

/** What may stand at a place of a search. The server counts characters, the browser halves of some. */
export async function askCompletion(
  request: Requester,
  query: string,
  caret: number
): Promise<Completion> {
  const answer = await request<Answer>('GET', '/runs/search/completions', {
    query,
    cursor: Array.from(query.slice(0, caret)).length,
    limit: 12
  });
  const place = (characters: number): number =>
    Array.from(query).slice(0, characters).join('').length;
  const typed = query.slice(place(answer.start), place(answer.end));
  const options = answer.items.map(({ text, kind }): Option => ({
    label: text.trim(),
    insert: /[\s.(]$/.test(text) ? text : `${text} `,
    kind: kind === 'field' || kind === 'value' ? kind : 'word'
  }));
  return {
    from: place(answer.start),
    to: place(answer.end),
    options: options.length === 1 && options[0].label === typed ? [] : options
  };
}
