import { JSX, ReactNode, useId } from 'react';

import { countText } from '../figures/dataset';

/** A part of a page with its heading. */
export function Section({
  title,
  count,
  tools,
  children
}: {
  title: string;
  count?: number;
  tools?: ReactNode;
  children: ReactNode;
}): JSX.Element {
  const id = useId();
  return (
    <section className="jp-nbproof-Section" aria-labelledby={id}>
      <div className="jp-nbproof-Section-head">
        <h2 id={id}>
          {title}
          {count !== undefined && (
            <span className="jp-nbproof-Section-count">
              {' '}
              {countText(count)}
            </span>
          )}
        </h2>
        {tools}
      </div>
      {children}
    </section>
  );
}

/** Names and what they stand for. */
export function FactTable({
  label,
  rows
}: {
  label: string;
  /** Name, value, and the value in full where that is longer. */
  rows: readonly (readonly [string, string, string?])[];
}): JSX.Element {
  return (
    <table className="jp-nbproof-Table" aria-label={label}>
      <tbody>
        {rows.map(([key, value, full]) => (
          <tr key={key}>
            <th scope="row" title={key}>
              {key}
            </th>
            <td title={full ?? value}>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
