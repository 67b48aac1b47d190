import type { JSX } from 'react';

/** A few ways of which one is on. */
export function Choice<T extends string>({
  label,
  value,
  options,
  onChoose
}: Choice.IProps<T>): JSX.Element {
  return (
    <div className="jp-nbproof-Choice" role="group" aria-label={label}>
      {options.map(([option, word]) => (
        <button
          key={option}
          type="button"
          aria-pressed={option === value}
          onClick={() => onChoose(option)}
        >
          {word}
        </button>
      ))}
    </div>
  );
}

export namespace Choice {
  export interface IProps<T extends string> {
    label: string;
    value: T;
    options: readonly (readonly [T, string])[];
    onChoose: (value: T) => void;
  }
}
