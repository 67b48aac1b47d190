/** Lines: from points to SVG path text. */

export interface Place {
  readonly x: number;
  readonly y: number;
}

const round = (value: number): number => Math.round(value * 100) / 100;

/**
 * The path through some places, broken where a coordinate is missing.
 *
 * A place with no neighbour on either side would be invisible: it becomes a short flat stroke,
 * which a round line cap turns into a dot.
 */
export function linePath(places: readonly Place[]): string {
  const parts: string[] = [];
  let open = false;
  for (const [index, place] of places.entries()) {
    if (!isPlace(place)) {
      open = false;
      continue;
    }
    const at = `${round(place.x)} ${round(place.y)}`;
    if (open) {
      parts.push(`L${at}`);
      continue;
    }
    const next = places.at(index + 1);
    parts.push(next !== undefined && isPlace(next) ? `M${at}` : `M${at}h0.01`);
    open = true;
  }
  return parts.join('');
}

const isPlace = (place: Place): boolean =>
  Number.isFinite(place.x) && Number.isFinite(place.y);

/** The index of the place nearest to a horizontal position; -1 where there is none. */
export function nearest(places: readonly Place[], x: number): number {
  let best = -1;
  let distance = Infinity;
  for (const [index, place] of places.entries()) {
    const gap = Math.abs(place.x - x);
    if (gap < distance) {
      best = index;
      distance = gap;
    }
  }
  return best;
}

/** A sparkline: values evenly spread over a small box. */
export function sparkPath(
  values: readonly number[],
  width: number,
  height: number,
  margin = 1.5
): string {
  const finite = values.filter(value => Number.isFinite(value));
  if (finite.length === 0) {
    return '';
  }
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const inner = height - 2 * margin;
  const across = width - 2 * margin;
  return linePath(
    values.map((value, index) => ({
      x:
        values.length === 1
          ? width - margin
          : margin + (across * index) / (values.length - 1),
      y:
        high > low
          ? margin + inner * (1 - (value - low) / (high - low))
          : Number.isFinite(value)
            ? height / 2
            : NaN
    }))
  );
}

/**
 * At most `count` of some points, keeping the lowest and highest of each stretch.
 *
 * The server thins long histories; this is for the points that a live run adds on top.
 */
export function thin<T>(
  points: readonly T[],
  count: number,
  valueOf: (point: T) => number
): readonly T[] {
  if (points.length <= count || count < 4) {
    return points;
  }
  const stretches = Math.floor((count - 2) / 2);
  const kept: T[] = [points[0]];
  const inner = points.length - 2;
  for (let stretch = 0; stretch < stretches; stretch++) {
    const from = 1 + Math.floor((stretch * inner) / stretches);
    const to = 1 + Math.floor(((stretch + 1) * inner) / stretches);
    let low = from;
    let high = from;
    for (let index = from; index < to; index++) {
      const value = valueOf(points[index]);
      if (value < valueOf(points[low])) {
        low = index;
      }
      if (value > valueOf(points[high])) {
        high = index;
      }
    }
    kept.push(points[Math.min(low, high)]);
    if (low !== high) {
      kept.push(points[Math.max(low, high)]);
    }
  }
  kept.push(points[points.length - 1]);
  return kept;
}
