import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSX } from 'react';

import type { DriftReport } from '../services/api';

type Severity = DriftReport['severity'];

const BARS: Readonly<Record<Severity, number>> = {
  none: 0,
  low: 1,
  medium: 2,
  high: 3,
  critical: 4
};

/** How bad it is: as a word, and as so many bars, so that no colour has to be told from another. */
export function SeverityMark({
  severity,
  trans
}: {
  severity: Severity;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <span className="jp-nbproof-Severity" data-severity={severity}>
      <svg width={15} height={12} viewBox="0 0 15 12" aria-hidden="true">
        {[0, 1, 2, 3].map(place => (
          <rect
            key={place}
            data-on={place < BARS[severity] || undefined}
            x={place * 4}
            y={9 - place * 3}
            width={3}
            height={3 + place * 3}
          />
        ))}
      </svg>
      {severityWord(severity, trans)}
    </span>
  );
}

function severityWord(severity: Severity, trans: TranslationBundle): string {
  switch (severity) {
    case 'none':
      return trans.__('None');
    case 'low':
      return trans.__('Low');
    case 'medium':
      return trans.__('Medium');
    case 'high':
      return trans.__('High');
    case 'critical':
      return trans.__('Critical');
  }
}
