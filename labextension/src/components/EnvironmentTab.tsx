import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, useEffect, useState } from 'react';

import { naturally } from '../figures/columns';
import { formatBytes, formatValue } from '../figures/numbers';
import type { Environment, Run } from '../services/api';
import type { RunView } from './RunView';
import { FactTable, Section } from './Section';
import { factWord } from './words';

/** What it ran in: Python, machine and system; then every package with its version. */
export function EnvironmentTab({
  model,
  run,
  actions,
  trans
}: RunView.IProps & { run: Run }): JSX.Element {
  const { lookAtEnvironment } = actions;
  useEffect(() => {
    lookAtEnvironment();
  }, [lookAtEnvironment]);
  const { environment } = model;
  const packages = Object.entries(environment?.packages ?? {}).sort(
    ([a], [b]) => naturally(a, b)
  );
  return (
    <>
      <Section title={trans.__('Environment')}>
        <div className="jp-nbproof-Long">
          <FactTable
            label={trans.__('Environment')}
            rows={factsOf(run, environment, trans)}
          />
        </div>
      </Section>
      {packages.length > 0 && <Packages packages={packages} trans={trans} />}
    </>
  );
}

function Packages({
  packages,
  trans
}: {
  packages: readonly (readonly [string, string])[];
  trans: TranslationBundle;
}): JSX.Element {
  const [find, setFind] = useState('');
  const wanted = find.trim().toLowerCase();
  const shown = packages.filter(([name, version]) =>
    `${name} ${version}`.toLowerCase().includes(wanted)
  );
  return (
    <Section
      title={trans.__('Packages')}
      count={packages.length}
      tools={
        <input
          type="search"
          className="jp-mod-styled jp-nbproof-Input"
          placeholder={trans.__('Find a package')}
          aria-label={trans.__('Find a package')}
          value={find}
          onChange={event => setFind(event.target.value)}
        />
      }
    >
      {shown.length === 0 ? (
        <p className="jp-nbproof-dim">
          {trans.__('No package is called like “%1”.', find)}
        </p>
      ) : (
        <ul
          className="jp-nbproof-Packages"
          aria-label={trans.__('Packages and their versions')}
        >
          {shown.map(([name, version]) => (
            <li key={name} title={`${name} ${version}`}>
              <span className="jp-nbproof-Packages-name">{name}</span>
              <code className="jp-nbproof-Packages-version">{version}</code>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

/** In the order people ask; what a newer server knows besides comes last. */
const ORDER = [
  'python',
  'implementation',
  'executable',
  'jupyter',
  'os',
  'machine',
  'cpu',
  'cpu_count',
  'memory_bytes',
  'gpus',
  'host',
  'user',
  'hash'
];

function factsOf(
  run: Run,
  environment: Environment | null,
  trans: TranslationBundle
): (readonly [string, string])[] {
  const { packages: _, ...captured } = environment ?? { packages: {} };
  const facts: Record<string, unknown> = {
    python: run.python,
    user: run.user,
    host: run.host,
    os: run.os,
    ...captured
  };
  const place = (key: string): number =>
    ORDER.includes(key) ? ORDER.indexOf(key) : ORDER.length;
  return Object.entries(facts)
    .sort(([a], [b]) => place(a) - place(b) || naturally(a, b))
    .flatMap(([key, value]) => {
      const word = factValue(key, value);
      return word === '' ? [] : [[factWord(key, trans), word] as const];
    });
}

/** A fact of an environment as people read it; empty where there is nothing to say. */
export function factValue(key: string, value: unknown): string {
  if (value === null || value === undefined) {
    return '';
  }
  if (key === 'memory_bytes' && typeof value === 'number') {
    return formatBytes(value);
  }
  if (key === 'gpus' && Array.isArray(value)) {
    return (value as Environment['gpus'])
      .map(({ name, memory_bytes: bytes, driver }) =>
        [
          name,
          bytes === null ? '' : formatBytes(bytes),
          driver === null ? '' : `driver ${driver}`
        ]
          .filter(word => word !== '')
          .join(', ')
      )
      .join('\n');
  }
  return formatValue(value);
}
