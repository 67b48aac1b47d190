import { useState } from 'react';

/**
 * What an input shows of a value that is kept elsewhere, how it is changed, and how it is shown otherwise for
 * as long as it is not decided. The page is drawn a frame after the value: an input that waited for it would
 * mix up keys that come faster.
 */
export function useDraft<T>(
  value: T,
  onChange: (value: T) => void
): readonly [T, (value: T) => void, (value: T) => void] {
  const [draft, setDraft] = useState(value);
  const [given, setGiven] = useState(value);
  if (given !== value) {
    setGiven(value);
    setDraft(value);
  }
  return [
    draft,
    next => {
      setDraft(next);
      onChange(next);
    },
    setDraft
  ];
}
