import type { TranslationBundle } from '@jupyterlab/translation';
import { JSX, useEffect, useId, useRef, useState } from 'react';

import { countText, versionName } from '../figures/dataset';
import { formatBytes } from '../figures/numbers';
import type { Find, Finding } from '../models/dataset';
import type {
  DatasetDiff,
  DatasetVersion,
  LeakageReport
} from '../services/api';
import type { Problem } from '../services/problem';
import type { DatasetView } from './DatasetView';
import { ColumnChanges } from './ColumnChanges';
import { LineForm, useFocusBack } from './Editing';
import { KeyColumns } from './KeyColumns';
import { Notice } from './Notice';
import { RowChanges } from './RowChanges';
import { Section } from './Section';
import { SeverityMark } from './SeverityMark';
import { Skeleton } from './Skeleton';
import { problemWords } from './words';
import { Working } from './Working';

type Props = DatasetView.IProps & { version: DatasetVersion };

/** What changed from another version to this one: columns, values, rows; and what a test set should not have. */
export function DatasetCompare(props: Props): JSX.Element {
  const { model, version, actions, trans } = props;
  const { against } = model;
  const [key, setKey] = useState<readonly string[]>([]);
  const { loadOther } = actions;
  useEffect(() => {
    if (against !== null) {
      loadOther(against);
    }
  }, [against, loadOther]);
  const other = against === null ? null : model.otherOf(against);
  return (
    <>
      <div className="jp-nbproof-DatasetView-use">
        <Against {...props} />
        {version.kind !== 'folder' && version.fields.length > 0 && (
          <KeyColumns
            columns={version.fields.map(one => one.name)}
            chosen={key}
            onChange={setKey}
            trans={trans}
          />
        )}
        <button
          type="button"
          className="jp-nbproof-ToolButton"
          data-main="true"
          disabled={against === null}
          onClick={() => against !== null && actions.compare(against, key)}
        >
          {trans.__('Compare')}
        </button>
        {version.kind !== 'folder' && (
          <button
            type="button"
            className="jp-nbproof-ToolButton"
            disabled={against === null}
            title={trans.__(
              'Whether this version, as a test set, shares rows, entities or times with the other one as its training set'
            )}
            onClick={() => against !== null && actions.look('leakage', against)}
          >
            {trans.__('Check for leakage')}
          </button>
        )}
      </div>
      {against === null ? (
        <p className="jp-nbproof-Curves-none jp-nbproof-dim">
          {trans.__(
            'There is no other version yet. Name another dataset to compare with it, such as the training set of this test set.'
          )}
        </p>
      ) : other?.problem ? (
        <Failed
          problem={other.problem}
          onRetry={() => loadOther(against)}
          trans={trans}
        />
      ) : other?.version ? (
        <Compared
          {...props}
          before={other.version}
          against={against}
          comparedBy={key}
        />
      ) : (
        <Skeleton rows={2} label={trans.__('Loading the other version…')} />
      )}
    </>
  );
}

const ELSEWHERE = '\0';

/** The version that is compared with: one of this dataset, or of any other by its name. */
function Against({ model, version, trans }: Props): JSX.Element {
  const id = useId();
  const [draft, setDraft] = useState<string | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const opener = useRef<HTMLSelectElement>(null);
  useFocusBack(draft !== null, box, opener);
  const { against } = model;
  if (draft !== null) {
    return (
      <LineForm
        box={box}
        label={trans.__('Compare with the dataset or version')}
        placeholder="train@v3"
        text={draft}
        word={trans.__('Choose')}
        canSave={draft.trim() !== ''}
        trans={trans}
        onChange={setDraft}
        onSave={() => {
          model.show({ against: draft.trim() });
          setDraft(null);
        }}
        onCancel={() => setDraft(null)}
      />
    );
  }
  const others = model.versions.filter(one => one.id !== version.id);
  const names = others.map(one => versionName(one.dataset, one.version));
  return (
    <span className="jp-nbproof-Select">
      <label htmlFor={id}>{trans.__('Against')}</label>
      <select
        ref={opener}
        id={id}
        value={against ?? ''}
        onChange={({ target: { value } }) => {
          if (value === ELSEWHERE) {
            setDraft('');
          } else if (value !== '') {
            model.show({ against: value });
          }
        }}
      >
        {against === null && <option value="">–</option>}
        {against !== null && !names.includes(against) && (
          <option value={against}>{against}</option>
        )}
        {others.map((one, index) => (
          <option key={one.id} value={names[index]}>
            {one.aliases.length > 0
              ? trans.__('v%1 (%2)', one.version, one.aliases.join(', '))
              : `v${one.version}`}
          </option>
        ))}
        <option value={ELSEWHERE}>
          {trans.__('Another version or dataset…')}
        </option>
      </select>
    </span>
  );
}

function Compared(
  props: Props & {
    before: DatasetVersion;
    against: string;
    comparedBy: readonly string[];
  }
): JSX.Element {
  const { model, version, before, against, comparedBy, actions, trans } = props;
  const drift = model.finding('drift', against);
  const rows = model.finding('differences', against, comparedBy);
  const leakage = model.finding('leakage', against);
  const isFolder = version.kind === 'folder';
  const isAsked = [drift, rows, leakage].some(({ phase }) => phase !== 'idle');
  const working = (find: Find, label: string, key?: readonly string[]) => (
    <Working
      label={label}
      share={model.finding(find, against, key).share}
      onCancel={() => actions.stop(find, against, key)}
      trans={trans}
    />
  );
  return (
    <>
      <Summary
        before={before}
        after={version}
        diff={rows.found}
        trans={trans}
      />
      {!isAsked && (
        <p className="jp-nbproof-dim">
          {isFolder
            ? trans.__('Compare tells which files are new, gone or other ones.')
            : trans.__(
                'Compare tells how the values of each column have changed, and which rows are new, gone or other ones. Where rows have an id, match them by it.'
              )}
        </p>
      )}
      <Part
        title={trans.__('Leakage')}
        finding={leakage}
        onRetry={() => actions.look('leakage', against)}
        working={working('leakage', trans.__('Checking for leakage…'))}
        trans={trans}
      >
        {report => <Leakage report={report} trans={trans} />}
      </Part>
      <Part
        title={isFolder ? trans.__('Files') : trans.__('Rows')}
        finding={rows}
        onRetry={() => actions.look('differences', against, comparedBy)}
        working={working(
          'differences',
          trans.__('Comparing what they hold…'),
          comparedBy
        )}
        trans={trans}
      >
        {diff =>
          diff.same ? (
            <p>
              {trans.__('Nothing differs.')}{' '}
              {diff.notes.length > 0 && (
                <span className="jp-nbproof-dim">{diff.notes.join('; ')}</span>
              )}
            </p>
          ) : (
            <RowChanges diff={diff} trans={trans} />
          )
        }
      </Part>
      {!isFolder && (
        <Part
          title={trans.__('Columns')}
          finding={drift}
          onRetry={() => actions.look('drift', against)}
          working={working('drift', trans.__('Looking for drift…'))}
          trans={trans}
        >
          {report => (
            <ColumnChanges
              report={report}
              diff={rows.found}
              fields={[...version.fields, ...before.fields]}
              trans={trans}
            />
          )}
        </Part>
      )}
    </>
  );
}

/** A part of the page: being made, made, or why it could not be. */
function Part<T>({
  title,
  finding,
  working,
  onRetry,
  children,
  trans
}: {
  title: string;
  finding: Finding<T>;
  working: JSX.Element;
  onRetry: () => void;
  children: (found: T) => JSX.Element;
  trans: TranslationBundle;
}): JSX.Element | null {
  if (finding.phase === 'idle') {
    return null;
  }
  return (
    <Section title={title}>
      {finding.phase === 'loading' && working}
      {finding.problem !== null && (
        <Failed problem={finding.problem} onRetry={onRetry} trans={trans} />
      )}
      {finding.found !== null && children(finding.found)}
    </Section>
  );
}

function Failed({
  problem,
  onRetry,
  trans
}: {
  problem: Problem;
  onRetry: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { title, text } = problemWords(problem, trans);
  return (
    <Notice
      kind="error"
      title={title}
      actions={[{ label: trans.__('Retry'), onClick: onRetry }]}
    >
      {/* What is said of a server that is away is about what is shown; here is nothing. */}
      {problem.kind === 'offline' ? undefined : text}
    </Notice>
  );
}

/** How much there was and is, and which columns came, went or have another type. */
function Summary({
  before,
  after,
  diff,
  trans
}: {
  before: DatasetVersion;
  after: DatasetVersion;
  diff: DatasetDiff | null;
  trans: TranslationBundle;
}): JSX.Element {
  const fields =
    diff === null
      ? schemaOf(before, after)
      : {
          added: diff.columns_added,
          removed: diff.columns_removed,
          retyped: diff.columns_retyped.map(one => ({
            name: one.name,
            words: one.words.map(String)
          }))
        };
  const changes = [
    ...fields.added.map(
      one => [one.name, trans.__('new, %1', one.type_words), 'added'] as const
    ),
    ...fields.removed.map(
      one =>
        [one.name, trans.__('gone, was %1', one.type_words), 'removed'] as const
    ),
    ...fields.retyped.map(
      ({ name, words }) =>
        [
          name,
          trans.__('was %1, is %2', words[0], words[1]),
          'changed'
        ] as const
    )
  ];
  const knowsColumns = before.fields.length > 0 && after.fields.length > 0;
  return (
    <Section
      title={trans.__(
        'From %1 to %2',
        versionName(before.dataset, before.version),
        versionName(after.dataset, after.version)
      )}
    >
      <dl className="jp-nbproof-Facts">
        <FromTo
          word={after.kind === 'folder' ? trans.__('Files') : trans.__('Rows')}
          before={before.rows ?? before.files}
          after={after.rows ?? after.files}
          told={countText}
        />
        <FromTo
          word={trans.__('Columns')}
          before={before.columns}
          after={after.columns}
          told={countText}
        />
        <FromTo
          word={trans.__('Size')}
          before={before.size_bytes}
          after={after.size_bytes}
          told={formatBytes}
        />
      </dl>
      {changes.length > 0 ? (
        <ul
          className="jp-nbproof-DatasetView-changes"
          aria-label={trans.__('Changes of columns')}
        >
          {changes.slice(0, MOST_CHANGES).map(([name, text, kind]) => (
            <li key={`${kind} ${name}`} data-kind={kind}>
              <bdi>{name}</bdi> <span className="jp-nbproof-dim">{text}</span>
            </li>
          ))}
          {changes.length > MOST_CHANGES && (
            <li>
              {trans.__(
                'and %1 more',
                countText(changes.length - MOST_CHANGES)
              )}
            </li>
          )}
        </ul>
      ) : (
        knowsColumns && (
          <p className="jp-nbproof-dim">
            {trans.__('Both have the same columns, of the same types.')}
          </p>
        )
      )}
    </Section>
  );
}

const MOST_CHANGES = 30;

function FromTo({
  word,
  before,
  after,
  told
}: {
  word: string;
  before: number | null;
  after: number | null;
  told: (value: number) => string;
}): JSX.Element | null {
  if (before === null && after === null) {
    return null;
  }
  const text = (value: number | null): string =>
    value === null ? '–' : told(value);
  return (
    <div className="jp-nbproof-Fact">
      <dt>{word}</dt>
      <dd>
        {before === after ? text(after) : `${text(before)} → ${text(after)}`}
      </dd>
    </div>
  );
}

/** Before the server has looked at the content: by what is recorded of both. */
function schemaOf(
  before: DatasetVersion,
  after: DatasetVersion
): {
  added: DatasetVersion['fields'];
  removed: DatasetVersion['fields'];
  retyped: { name: string; words: readonly string[] }[];
} {
  const old = new Map(before.fields.map(one => [one.name, one]));
  const now = new Map(after.fields.map(one => [one.name, one]));
  return {
    added: after.fields.filter(one => !old.has(one.name)),
    removed: before.fields.filter(one => !now.has(one.name)),
    retyped: after.fields.flatMap(one => {
      const was = old.get(one.name);
      if (was === undefined || was.type === one.type) {
        return [];
      }
      const alike = was.type_words === one.type_words;
      return [
        {
          name: one.name,
          words: alike ? [was.type, one.type] : [was.type_words, one.type_words]
        }
      ];
    })
  };
}

function Leakage({
  report,
  trans
}: {
  report: LeakageReport;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <>
      <p className="jp-nbproof-DatasetView-sentence">
        <SeverityMark severity={report.severity} trans={trans} />
        {report.sentence}
      </p>
      <p className="jp-nbproof-dim">
        {trans.__(
          '%1 was taken as the training set, %2 as the test set.',
          report.train,
          report.test
        )}
      </p>
      {report.findings.length === 1 ? (
        <p>{report.findings[0].action}</p>
      ) : (
        <ul className="jp-nbproof-Findings">
          {report.findings.map((one, index) => (
            <li key={index}>
              <SeverityMark severity={one.severity} trans={trans} />
              <span>
                {one.sentence}{' '}
                <span className="jp-nbproof-dim">{one.action}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
      {report.notes.map(note => (
        <p key={note} className="jp-nbproof-dim">
          {note}
        </p>
      ))}
    </>
  );
}
