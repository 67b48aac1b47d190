/** Which of the palette's colours each run is drawn in: the same one as long as it is shown. */

/** Colours of the style sheet: `data-colour` from 0 to 9. */
export const COLOURS = 10;
/** Beyond the tenth run lines are dashed, in this many ways. */
const DASHES = 3;

export interface Look {
  readonly colour: number;
  /** 0 is a solid line. */
  readonly dash: number;
}

/**
 * A place in the palette for each id.
 *
 * An id prefers the colour that its letters give, so that a run looks the same in every view; where
 * that is taken it gets the next free one.  What it was given `before` it keeps.
 */
export function looksOf(
  ids: readonly string[],
  before: ReadonlyMap<string, Look> = new Map()
): Map<string, Look> {
  const looks = new Map<string, Look>();
  const taken = new Set<number>();
  const place = (id: string, at: number): void => {
    taken.add(at);
    looks.set(id, { colour: at % COLOURS, dash: Math.floor(at / COLOURS) });
  };
  for (const id of ids) {
    const look = before.get(id);
    if (look !== undefined) {
      const at = look.dash * COLOURS + look.colour;
      if (!taken.has(at)) {
        place(id, at);
      }
    }
  }
  for (const id of ids) {
    if (looks.has(id)) {
      continue;
    }
    const wanted = hash(id) % COLOURS;
    let at = wanted;
    for (let round = 0; round < COLOURS * DASHES && taken.has(at); round++) {
      const ring = Math.floor((round + 1) / COLOURS);
      at = ring * COLOURS + ((wanted + round + 1) % COLOURS);
    }
    place(id, at);
  }
  return looks;
}

function hash(text: string): number {
  let sum = 0;
  for (let index = 0; index < text.length; index++) {
    sum = (sum * 31 + text.charCodeAt(index)) % 1_000_003;
  }
  return sum;
}
