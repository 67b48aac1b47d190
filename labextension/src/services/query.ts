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
