/**
 * The exponential moving average of some values, with the bias of its start taken out.
 *
 * `weight` is how much of the past stays: 0 changes nothing, 0.99 follows slowly.  What is not finite
 * stays as it is and does not enter the average.
 */
export function smooth(values: readonly number[], weight: number): number[] {
  if (weight <= 0) {
    return [...values];
  }
  let sum = 0;
  let share = 1;
  return values.map(value => {
    if (!Number.isFinite(value)) {
      return value;
    }
    sum = weight * sum + (1 - weight) * value;
    share *= weight;
    return sum / (1 - share);
  });
}
