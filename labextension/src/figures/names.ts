/** What runs are called where several stand together: equal names are told apart. */

import type { Run } from '../services/api';

/** Only what is looked at here. */
export type Named = Pick<Run, 'id' | 'name' | 'parent_id'>;

/**
 * What tells each run apart from another one of its name: the name of the run that it is part of, else the last
 * digits of its id.  Runs whose name is their own are left out.
 */
export function namesakes(
  runs: readonly Named[],
  nameOf: (id: string) => string | null
): Map<string, string> {
  const groups = new Map<string, Named[]>();
  for (const run of runs) {
    const others = groups.get(run.name);
    if (others === undefined) {
      groups.set(run.name, [run]);
    } else if (others.every(other => other.id !== run.id)) {
      others.push(run);
    }
  }
  const told = new Map<string, string>();
  for (const group of groups.values()) {
    if (group.length < 2) {
      continue;
    }
    const parents = group.map(run =>
      run.parent_id === null ? null : nameOf(run.parent_id)
    );
    for (const [index, run] of group.entries()) {
      const parent = parents[index];
      const isOwn =
        parent !== null &&
        parents.filter(other => other === parent).length === 1;
      told.set(
        run.id,
        isOwn
          ? parent
          : parent === null
            ? run.id.slice(-6)
            : `${parent}, ${run.id.slice(-6)}`
      );
    }
  }
  return told;
}

/** A name with what tells it apart. */
export const fullName = (
  run: Named,
  told: ReadonlyMap<string, string>
): string => {
  const word = told.get(run.id);
  return word === undefined ? run.name : `${run.name} (${word})`;
};
