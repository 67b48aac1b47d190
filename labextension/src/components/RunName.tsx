import type { JSX } from 'react';

/** A run's name and, dimmed, what tells it from another one of that name. */
export function RunName({
  name,
  apart
}: {
  name: string;
  apart: string | undefined;
}): JSX.Element {
  return (
    <>
      <bdi>{name}</bdi>
      {apart !== undefined && (
        <span className="jp-nbproof-Apart"> {apart}</span>
      )}
    </>
  );
}
