/** The text around a column: what stands before it, at it, and after it. */
export interface Excerpt {
  readonly before: string;
  /** The word or sign that starts at the column; empty at the end of the text. */
  readonly at: string;
  readonly after: string;
}

/** Cut a text so that a column (from 0, in characters as Python counts them) can be pointed at. */
export function excerpt(text: string, column: number, around: number): Excerpt {
  const place = Array.from(text).slice(0, Math.max(0, column)).join('').length;
  const at = /^([\w.]+|\S)/.exec(text.slice(place))?.[0] ?? '';
  const before = text.slice(0, place);
  const after = text.slice(place + at.length);
  return {
    before: before.length > around ? `…${before.slice(-around)}` : before,
    at,
    after: after.length > around ? `${after.slice(0, around)}…` : after
  };
}
