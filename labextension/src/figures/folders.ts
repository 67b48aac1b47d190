/** Artifacts as a tree: names with slashes are files in folders. */

import type { Artifact } from '../services/api';
import { naturally } from './columns';

/** Only what is looked at here. */
export type Filed = Pick<Artifact, 'name' | 'size_bytes' | 'reference'>;

export interface FileRow<T extends Filed> {
  readonly kind: 'file';
  /** The name as it stands in its folder. */
  readonly label: string;
  readonly depth: number;
  readonly artifact: T;
}

export interface FolderRow {
  readonly kind: 'folder';
  /** The whole name, without a slash at its end. */
  readonly name: string;
  readonly label: string;
  readonly depth: number;
  readonly isOpen: boolean;
  /** Files in it, at any depth. */
  readonly count: number;
  readonly bytes: number;
  /** Whether there is content in it, and not only names of what is elsewhere. */
  readonly isKept: boolean;
}

export type ArtifactRow<T extends Filed> = FileRow<T> | FolderRow;

/** The rows of the tree from its top; what stands in closed folders is left out. */
export function artifactRows<T extends Filed>(
  artifacts: readonly T[],
  isOpen: (folder: string, files: readonly T[]) => boolean
): ArtifactRow<T>[] {
  const rows: ArtifactRow<T>[] = [];
  const walk = (files: readonly T[], above: string, depth: number): void => {
    const entries = new Map<string, T[]>();
    for (const file of files) {
      const rest = file.name.slice(above.length);
      // A folder's entry ends in a slash: a file of the same name is another one.
      const entry = rest.slice(0, rest.indexOf('/') + 1) || rest;
      const others = entries.get(entry);
      if (others === undefined) {
        entries.set(entry, [file]);
      } else {
        others.push(file);
      }
    }
    for (const entry of [...entries.keys()].sort(naturally)) {
      const inside = entries.get(entry) ?? [];
      if (!entry.endsWith('/')) {
        for (const artifact of inside) {
          rows.push({ kind: 'file', label: entry, depth, artifact });
        }
        continue;
      }
      const name = `${above}${entry.slice(0, -1)}`;
      const folder: FolderRow = {
        kind: 'folder',
        name,
        label: entry.slice(0, -1),
        depth,
        isOpen: isOpen(name, inside),
        count: inside.length,
        bytes: inside.reduce((sum, one) => sum + one.size_bytes, 0),
        isKept: inside.some(isKept)
      };
      rows.push(folder);
      if (folder.isOpen) {
        walk(inside, `${name}/`, depth + 1);
      }
    }
  };
  walk(artifacts, '', 0);
  return rows;
}

/** Whether its content is here, and not only named. */
export const isKept = ({ reference }: Filed): boolean =>
  typeof reference !== 'string';
