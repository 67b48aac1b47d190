import { closeIcon } from '@jupyterlab/ui-components';
import { JSX } from 'react';

/** A word that can be taken away. */
export function Chip({
  text,
  word,
  onRemove
}: {
  text: string;
  /** What the button does, with the text in it. */
  word: string;
  onRemove: () => void;
}): JSX.Element {
  return (
    <span className="jp-nbproof-Alias jp-nbproof-Chip">
      <bdi>{text}</bdi>
      <button
        type="button"
        className="jp-nbproof-IconButton"
        aria-label={word}
        title={word}
        onClick={onRemove}
      >
        <closeIcon.react tag="span" />
      </button>
    </span>
  );
}
