import type { JSX } from 'react';

/** What a dataset is, as a small drawing; the word for it stands beside. */
export function KindMark({ kind }: { kind: string }): JSX.Element {
  return (
    <svg
      className="jp-nbproof-KindMark"
      data-kind={kind}
      width={14}
      height={14}
      viewBox="0 0 14 14"
      aria-hidden="true"
    >
      <path d={drawing(kind)} />
    </svg>
  );
}

function drawing(kind: string): string {
  switch (kind) {
    case 'table':
      return 'M1.5 2.5h11v9h-11zM1.5 5.5h11M5.5 5.5v6M1.5 8.5h11';
    case 'folder':
      return 'M1.5 11.5v-9h4l1.2 1.8h5.8v7.2z';
    case 'reference':
      return 'M5.8 8.2l4.7-4.7m-3.6 0h3.6v3.6M9.5 8.5v3h-7v-7h3';
    default:
      return 'M3 1.5h5.5L11 4v8.5H3zM8.3 1.7v2.5h2.5';
  }
}
