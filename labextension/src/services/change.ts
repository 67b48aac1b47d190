/** The schema under which the server tells that something changed. */
export const CHANGED = 'https://nbproof.dev/events/changed/v1';

/** Ids of one kind that changed in one workspace. */
export interface Change {
  readonly workspace: string;
  readonly kind: string;
  readonly ids: readonly string[];
}

/** The change an event tells of, or null when it is none of ours or not understood. */
export function readChange(
  emission: Readonly<Record<string, unknown>>
): Change | null {
  const { schema_id, workspace, kind, ids } = emission;
  if (
    schema_id !== CHANGED ||
    typeof workspace !== 'string' ||
    typeof kind !== 'string' ||
    !Array.isArray(ids)
  ) {
    return null;
  }
  return {
    workspace,
    kind,
    ids: ids.filter((id): id is string => typeof id === 'string')
  };
}
