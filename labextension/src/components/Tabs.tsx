import { JSX, KeyboardEvent, ReactNode, useId, useRef } from 'react';

/** Tabs with their page: arrows go from one to the next, as everywhere. */
export function Tabs<T extends string>(props: Tabs.IProps<T>): JSX.Element {
  const { label, tab, tabs, onChoose, children } = props;
  const prefix = useId();
  const bar = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = tabs.findIndex(([one]) => one === tab);
    const to = {
      ArrowRight: (at + 1) % tabs.length,
      ArrowLeft: (at + tabs.length - 1) % tabs.length,
      Home: 0,
      End: tabs.length - 1
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      onChoose(tabs[to][0]);
      bar.current?.querySelectorAll('button')[to].focus();
    }
  };
  return (
    <>
      <div
        ref={bar}
        className="jp-nbproof-Tabs"
        role="tablist"
        tabIndex={-1}
        aria-label={label}
        onKeyDown={onKeyDown}
      >
        {tabs.map(([one, word, count]) => (
          <button
            key={one}
            id={`${prefix}${one}`}
            type="button"
            role="tab"
            className="jp-nbproof-Tabs-tab"
            data-tab={one}
            aria-selected={one === tab}
            aria-controls={`${prefix}page`}
            tabIndex={one === tab ? 0 : -1}
            onClick={() => onChoose(one)}
          >
            {word}
            {count !== undefined && (
              <span className="jp-nbproof-Section-count"> {count}</span>
            )}
          </button>
        ))}
      </div>
      <div
        id={`${prefix}page`}
        className="jp-nbproof-Tabs-page"
        role="tabpanel"
        aria-labelledby={`${prefix}${tab}`}
      >
        {children}
      </div>
    </>
  );
}

export namespace Tabs {
  export interface IProps<T extends string> {
    label: string;
    tab: T;
    /** Name, word, and how many things stand there. */
    tabs: readonly (readonly [T, string, number?])[];
    onChoose: (tab: T) => void;
    children: ReactNode;
  }
}
