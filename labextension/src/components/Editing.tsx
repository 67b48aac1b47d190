import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, editIcon } from '@jupyterlab/ui-components';
import {
  JSX,
  KeyboardEvent,
  ReactNode,
  RefObject,
  useEffect,
  useRef,
  useState
} from 'react';

import { naturally } from '../figures/columns';
import type { Run } from '../services/api';
import { Notes } from './Notes';
import { Section } from './Section';

/** What may be changed of a run; each resolves to whether it was. */
export interface Edits {
  rename: (name: string) => Promise<boolean>;
  /** An empty text takes it out of its group. */
  setGroup: (group: string) => Promise<boolean>;
  setNotes: (notes: string) => Promise<boolean>;
  /** Null takes the tag away. */
  setTag: (key: string, value: string | null) => Promise<boolean>;
}

/** The focus goes to what opens, and back to what opened it once that is there again. */
export function useFocusBack(
  isOpen: boolean,
  box: RefObject<HTMLElement>,
  opener: RefObject<HTMLElement>
): void {
  const wasOpen = useRef(false);
  useEffect(() => {
    if (isOpen) {
      box.current?.focus();
    } else if (wasOpen.current) {
      opener.current?.focus();
    }
    wasOpen.current = isOpen;
  }, [isOpen, box, opener]);
}

/** The run's name, which a click on the pencil beside it makes a box. */
export function EditableName({ run, edits, trans }: Editable): JSX.Element {
  return (
    <EditableLine
      text={run.name}
      label={trans.__('Name of the run')}
      pencil={trans.__('Rename the run')}
      word={trans.__('Rename')}
      isNeeded={true}
      trans={trans}
      onSave={edits.rename}
    >
      <h1 title={run.name}>
        <bdi>{run.name}</bdi>
      </h1>
    </EditableLine>
  );
}

/** The group that a run is one of, which a click makes a box; emptied, the run is in none. */
export function EditableGroup({ run, edits, trans }: Editable): JSX.Element {
  const group = run.group ?? '';
  return (
    <div className="jp-nbproof-GroupName">
      <EditableLine
        text={group}
        label={trans.__('Group of the run')}
        pencil={trans.__('Change the group')}
        word={trans.__('Save')}
        isNeeded={false}
        trans={trans}
        onSave={edits.setGroup}
      >
        {group === '' ? (
          <span className="jp-nbproof-dim">{trans.__('none')}</span>
        ) : (
          <bdi title={group}>{group}</bdi>
        )}
      </EditableLine>
    </div>
  );
}

interface Editable {
  run: Run;
  edits: Edits;
  trans: TranslationBundle;
}

/** How a text reads, and a pencil that makes it a box. */
function EditableLine(props: {
  text: string;
  /** What the box is called. */
  label: string;
  /** What the pencil is called. */
  pencil: string;
  /** What the button that saves is called. */
  word: string;
  /** Whether it can't be empty. */
  isNeeded: boolean;
  trans: TranslationBundle;
  onSave: (text: string) => Promise<boolean>;
  children: ReactNode;
}): JSX.Element {
  const { text, isNeeded, pencil } = props;
  const [draft, setDraft] = useState<string | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  useFocusBack(draft !== null, box, opener);
  const close = (): void => setDraft(null);
  const next = draft?.trim() ?? '';
  const canSave = next !== '' || !isNeeded;
  const save = async (): Promise<void> => {
    if (!canSave || next === text || (await props.onSave(next))) {
      close();
    }
  };
  if (draft !== null) {
    return (
      <LineForm
        box={box}
        label={props.label}
        text={draft}
        word={props.word}
        canSave={canSave}
        trans={props.trans}
        onChange={setDraft}
        onSave={() => void save()}
        onCancel={close}
      />
    );
  }
  return (
    <>
      {props.children}
      <button
        ref={opener}
        type="button"
        className="jp-nbproof-IconButton jp-nbproof-Pencil"
        aria-label={pencil}
        title={pencil}
        onClick={() => setDraft(text)}
      >
        <editIcon.react tag="span" />
      </button>
    </>
  );
}

/** A line to write, and what keeps it or puts it away. */
export function LineForm(props: {
  box: RefObject<HTMLInputElement>;
  label: string;
  placeholder?: string;
  text: string;
  word: string;
  canSave: boolean;
  trans: TranslationBundle;
  onChange: (text: string) => void;
  onSave: () => void;
  onCancel: () => void;
}): JSX.Element {
  const { trans } = props;
  return (
    <form
      className="jp-nbproof-LineForm"
      onSubmit={event => {
        event.preventDefault();
        props.onSave();
      }}
    >
      <input
        ref={props.box}
        className="jp-mod-styled jp-nbproof-Input"
        placeholder={props.placeholder}
        aria-label={props.label}
        value={props.text}
        onChange={event => props.onChange(event.target.value)}
        onFocus={event => event.target.select()}
        onKeyDown={event => onEscape(event, props.onCancel)}
      />
      <button
        type="submit"
        className="jp-nbproof-ToolButton"
        data-main="true"
        disabled={!props.canSave}
      >
        {props.word}
      </button>
      <button
        type="button"
        className="jp-nbproof-ToolButton"
        onClick={props.onCancel}
      >
        {trans.__('Cancel')}
      </button>
    </form>
  );
}

/** Notes as they read, and as they are written. */
export function EditableNotes({
  text: notes,
  words,
  render,
  onSave,
  trans
}: {
  text: string;
  words: NotesWords;
  render: Notes.Render | null;
  /** Resolves to whether it was saved. */
  onSave: (text: string) => Promise<boolean>;
  trans: TranslationBundle;
}): JSX.Element {
  const [draft, setDraft] = useState<string | null>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  useFocusBack(draft !== null, box, opener);
  const close = (): void => setDraft(null);
  const save = async (): Promise<void> => {
    if (draft === null || draft === notes || (await onSave(draft))) {
      close();
    }
  };
  return (
    <Section
      title={words.title}
      tools={
        draft === null && (
          <button
            ref={opener}
            type="button"
            className="jp-nbproof-LinkButton"
            onClick={() => setDraft(notes)}
          >
            {notes === '' ? words.write : words.edit}
          </button>
        )
      }
    >
      {draft !== null ? (
        <div className="jp-nbproof-NotesEditor">
          <textarea
            ref={box}
            className="jp-nbproof-NotesEditor-text"
            aria-label={words.box}
            rows={Math.min(20, Math.max(6, draft.split('\n').length + 1))}
            value={draft}
            onChange={event => setDraft(event.target.value)}
            onKeyDown={event => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
                event.preventDefault();
                event.stopPropagation();
                void save();
              } else {
                onEscape(event, close);
              }
            }}
          />
          <div className="jp-nbproof-NotesEditor-tools">
            <button
              type="button"
              className="jp-nbproof-ToolButton"
              data-main="true"
              onClick={() => void save()}
            >
              {trans.__('Save')}
            </button>
            <button
              type="button"
              className="jp-nbproof-ToolButton"
              onClick={close}
            >
              {trans.__('Cancel')}
            </button>
            <span className="jp-nbproof-dim">
              {trans.__('Markdown; Ctrl+Enter saves')}
            </span>
          </div>
        </div>
      ) : notes === '' ? (
        <p className="jp-nbproof-dim">{words.none}</p>
      ) : (
        <Notes text={notes} render={render} />
      )}
    </Section>
  );
}

/** What a text in Markdown and the ways to change it are called. */
export interface NotesWords {
  readonly title: string;
  readonly write: string;
  readonly edit: string;
  readonly box: string;
  readonly none: string;
}

/** Tags, each with a way to take it off, and a box for another one. */
export function EditableTags({
  tags: all,
  needsValue = false,
  setTag,
  trans
}: {
  tags: Readonly<Record<string, string>>;
  /** Whether a tag can't be a name alone. */
  needsValue?: boolean;
  setTag: Edits['setTag'];
  trans: TranslationBundle;
}): JSX.Element {
  const [draft, setDraft] = useState<string | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const tags = Object.entries(all).sort(([a], [b]) => naturally(a, b));
  useFocusBack(draft !== null, box, opener);
  const close = (): void => setDraft(null);
  const canSave = (text: string): boolean => {
    const { key, value } = tagOf(text);
    return key !== '' && (!needsValue || (value ?? '') !== '');
  };
  const save = async (): Promise<void> => {
    const { key, value } = tagOf(draft ?? '');
    if (key === '' || (await setTag(key, value ?? ''))) {
      close();
    }
  };
  return (
    <Section
      title={trans.__('Tags')}
      count={tags.length}
      tools={
        draft === null && (
          <button
            ref={opener}
            type="button"
            className="jp-nbproof-LinkButton"
            onClick={() => setDraft('')}
          >
            {trans.__('Add a tag')}
          </button>
        )
      }
    >
      {tags.length === 0 && draft === null && (
        <p className="jp-nbproof-dim">{trans.__('No tags.')}</p>
      )}
      <ul className="jp-nbproof-Tags">
        {tags.map(([key, value]) => (
          <li key={key} title={value === '' ? key : `${key}: ${value}`}>
            <span className="jp-nbproof-Tags-key">{key}</span>
            {value !== '' && <span>{value}</span>}
            <button
              type="button"
              className="jp-nbproof-Tags-remove"
              aria-label={trans.__('Remove the tag %1', key)}
              title={trans.__('Remove the tag %1', key)}
              onClick={() => void setTag(key, null)}
            >
              <closeIcon.react tag="span" />
            </button>
          </li>
        ))}
      </ul>
      {draft !== null && (
        <LineForm
          box={box}
          label={trans.__('Name of the tag, and its value after “=”')}
          placeholder="owner = ann"
          text={draft}
          word={trans.__('Add')}
          canSave={canSave(draft)}
          trans={trans}
          onChange={setDraft}
          onSave={() => void save()}
          onCancel={close}
        />
      )}
    </Section>
  );
}

/** A tag as it is typed: `owner = ann`; without a sign of equality only a name. */
export function tagOf(text: string): { key: string; value: string | null } {
  const equals = text.indexOf('=');
  return equals < 0
    ? { key: text.trim(), value: null }
    : {
        key: text.slice(0, equals).trim(),
        value: text.slice(equals + 1).trim()
      };
}

function onEscape(event: KeyboardEvent, act: () => void): void {
  if (event.key === 'Escape') {
    event.preventDefault();
    event.stopPropagation();
    act();
  }
}
