/** Numbers as JSON brings them and as people read them. */

/** A JSON float: the words "NaN", "Infinity" and "-Infinity" stand for what JSON cannot say. */
export function toNumber(value: unknown): number {
  if (typeof value === 'number') {
    return value;
  }
  if (typeof value === 'string') {
    return value.trim() === '' ? NaN : Number(value);
  }
  return NaN;
}

/** A number in at most six significant digits, without trailing zeros. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) {
    return 'NaN';
  }
  if (!Number.isFinite(value)) {
    return value > 0 ? '∞' : '−∞';
  }
  if (value === 0) {
    return '0';
  }
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) {
    return minus(String(value));
  }
  const text =
    size >= 1e6 || size < 1e-4
      ? value
          .toExponential(4)
          .replace(/\.?0+e/, 'e')
          .replace('e+', 'e')
      : String(Number(value.toPrecision(6)));
  return minus(text);
}

/** The short form for narrow places: four significant digits. */
export function formatShort(value: number): string {
  if (!Number.isFinite(value) || value === 0) {
    return formatNumber(value);
  }
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) {
    return minus(String(value));
  }
  const text =
    size >= 1e5 || size < 1e-4
      ? value
          .toExponential(2)
          .replace(/\.?0+e/, 'e')
          .replace('e+', 'e')
      : String(Number(value.toPrecision(4)));
  return minus(text);
}

const minus = (text: string): string => text.replace(/-/g, '−');

/** Bytes in binary units: `12.4 KiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`;
}

/** A param's value in one line: JSON, strings bare. */
export function formatValue(value: unknown): string {
  if (typeof value === 'string') {
    return value;
  }
  if (typeof value === 'number') {
    return String(value);
  }
  return value === undefined ? '' : JSON.stringify(value);
}

/** The end of a long path, which is what tells files apart: `…/project/train.ipynb`. */
export function shortPath(path: string, length = 32): string {
  const parts = path.split('/');
  return path.length <= length || parts.length <= 2
    ? path
    : `…/${parts.slice(-2).join('/')}`;
}

/** The beginning of a text that is too long for its place. */
export function shortened(text: string, length: number): string {
  const letters = Array.from(text);
  return letters.length <= length
    ? text
    : `${letters.slice(0, length - 1).join('')}…`;
}

/** A mean with as many digits as its deviation makes sense of: `0.783 ± 0.076`. */
export function formatSpread(
  mean: number,
  deviation: number
): [string, string] {
  if (!(deviation > 0) || !Number.isFinite(mean)) {
    return [formatShort(mean), formatShort(deviation)];
  }
  const places = 1 - Math.floor(Math.log10(deviation));
  const size = Math.max(Math.abs(mean), deviation);
  if (places < 0 || places > 6 || size >= 1e6) {
    return [formatShort(mean), formatShort(Number(deviation.toPrecision(2)))];
  }
  return [minus(mean.toFixed(places)), deviation.toFixed(places)];
}
