import { PageConfig, URLExt } from '@jupyterlab/coreutils';

import { Place, placeOf, placeText } from '../figures/link';

const KEY = 'nbproof';

/** The address that opens a place in JupyterLab, for whoever may log in there; it carries no token. */
export function addressOf(place: Place): string {
  const page = URLExt.join(
    PageConfig.getBaseUrl(),
    PageConfig.getOption('appUrl') || 'lab'
  );
  return `${page}?${KEY}=${encodeURIComponent(placeText(place))}`;
}

/** The place in the query of an address, or null where there is none. */
export function placeIn(search: string): Place | null {
  const text = new URLSearchParams(search).get(KEY);
  return text === null ? null : placeOf(text);
}

/** The query without the place: once opened, a reload shows what the layout remembers. */
export function withoutPlace(search: string): string {
  const words = new URLSearchParams(search);
  words.delete(KEY);
  const rest = words.toString();
  return rest === '' ? '' : `?${rest}`;
}
