/** A query string: empty values are left out, lists repeat their key. */
export function queryString(query: Readonly<Record<string, unknown>>): string {
  const words = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (typeof one === 'string') {
        words.append(key, one);
      } else if (typeof one === 'number' || typeof one === 'boolean') {
        words.append(key, String(one));
      }
    }
  }
  const text = words.toString();
  return text === '' ? '' : `?${text}`;
}

/**
 * The metric a search is about: the one it orders by, else the first it compares; null for none.
 *
 * The server alone understands the language; this only chooses which number to show in a row.
 */
export function metricOfQuery(query: string): string | null {
  const name = String.raw`metrics\.("[^"]+"|[\w./-]+)`;
  const found =
    new RegExp(String.raw`\border\s+by\s+${name}`, 'i').exec(query) ??
    new RegExp(name, 'i').exec(query);
  return found === null ? null : found[1].replaceAll('"', '');
}
