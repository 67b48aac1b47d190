import type { JSX } from 'react';

/** Stands for the rows that are not in the page; an SVG because its height is an attribute. */
export function Spacer({ height }: { height: number }): JSX.Element {
  return (
    <svg
      className="jp-nbproof-Spacer"
      width={1}
      height={height}
      aria-hidden="true"
    />
  );
}
