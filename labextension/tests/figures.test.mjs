import assert from 'node:assert/strict';
import test from 'node:test';

import overlay from '../lib/unit/figures/overlay.js';
import palette from '../lib/unit/figures/palette.js';
import smoothing from '../lib/unit/figures/smooth.js';
import excerpts from '../lib/unit/figures/excerpt.js';
import line from '../lib/unit/figures/line.js';
import bars from '../lib/unit/figures/bars.js';
import compared from '../lib/unit/figures/compared.js';
import dataset from '../lib/unit/figures/dataset.js';
import names from '../lib/unit/figures/names.js';
import numbers from '../lib/unit/figures/numbers.js';
import scale from '../lib/unit/figures/scale.js';
import time from '../lib/unit/figures/time.js';

test('words stand for the numbers that JSON cannot say', () => {
  assert.equal(numbers.toNumber('Infinity'), Infinity);
  assert.equal(numbers.toNumber('-Infinity'), -Infinity);
  assert.ok(Number.isNaN(numbers.toNumber('NaN')));
  assert.ok(Number.isNaN(numbers.toNumber(null)));
  assert.equal(numbers.toNumber('9007199254740993'), 9007199254740992);
});

test('numbers are written short, and without an ASCII hyphen for minus', () => {
  assert.equal(numbers.formatShort(0.912345), '0.9123');
  assert.equal(numbers.formatShort(-0.5), '−0.5');
  assert.equal(numbers.formatShort(123456), '123456');
  assert.equal(numbers.formatShort(1234567.5), '1.23e6');
  assert.equal(numbers.formatShort(0.00001), '1e−5');
  assert.equal(numbers.formatNumber(100), '100');
  assert.equal(numbers.formatNumber(1e10), '1e10');
  assert.equal(numbers.formatNumber(-Infinity), '−∞');
  assert.equal(numbers.formatNumber(NaN), 'NaN');
});

test('bytes are written in binary units', () => {
  assert.equal(numbers.formatBytes(0), '0 B');
  assert.equal(numbers.formatBytes(1023), '1023 B');
  assert.equal(numbers.formatBytes(1536), '1.5 KiB');
  assert.equal(numbers.formatBytes(18 * 1024 * 1024), '18 MiB');
});

test('of a long path the end is kept', () => {
  assert.equal(numbers.shortPath('a/b/c.ipynb'), 'a/b/c.ipynb');
  assert.equal(
    numbers.shortPath('/home/ada/projects/delays/train.ipynb'),
    '…/delays/train.ipynb'
  );
});

test('params are written in one line', () => {
  assert.equal(numbers.formatValue('xgb'), 'xgb');
  assert.equal(numbers.formatValue(null), 'null');
  assert.equal(numbers.formatValue([1, 'a']), '[1,"a"]');
});

test('ages are coarse, and a clock that runs behind is still now', () => {
  const now = 1_000_000_000;
  assert.deepEqual(time.ago(now + 5000, now), { unit: 'now', count: 0 });
  assert.deepEqual(time.ago(now - 30_000, now), { unit: 'second', count: 30 });
  assert.deepEqual(time.ago(now - 3_599_000, now), {
    unit: 'minute',
    count: 59
  });
  assert.deepEqual(time.ago(now - 86_400_000, now), { unit: 'day', count: 1 });
  assert.equal(time.ago(now - 7 * 86_400_000, now).unit, 'date');
});

test('durations name their two largest units', () => {
  assert.equal(time.formatDuration(120), '120 ms');
  assert.equal(time.formatDuration(4200), '4.2 s');
  assert.equal(time.formatDuration(200_000), '3 min 20 s');
  assert.equal(time.formatDuration(3_840_000), '1 h 04 min');
  assert.equal(time.formatDuration(NaN), '');
});

test('ticks are round numbers inside the interval', () => {
  assert.deepEqual(scale.niceTicks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(scale.niceTicks(-3, 3, 3), [-2, 0, 2]);
  assert.deepEqual(scale.niceTicks(5, 5, 3), [5]);
});

test('an axis over one value has that value in its middle', () => {
  for (const axis of [
    scale.linearScale(4, 4, 5),
    scale.linearScale(-4, -4, 5),
    scale.logScale(4, 4, 5)
  ]) {
    const middle = axis.log ? axis.at(4) : axis.at((axis.from + axis.to) / 2);
    assert.ok(Math.abs(middle - 0.5) < 1e-9);
  }
  assert.equal(scale.linearScale(0, 0, 5).at(0), 0.5);
});

test('an axis over the largest floats does not overflow', () => {
  const axis = scale.linearScale(-Number.MAX_VALUE, Number.MAX_VALUE, 4);
  assert.equal(axis.at(0), 0.5);
  assert.equal(axis.at(Number.MAX_VALUE), 1);
});

test('a logarithmic axis does not show what is not positive', () => {
  const axis = scale.logScale(0.001, 10, 5);
  assert.ok(Number.isNaN(axis.at(0)));
  assert.ok(Number.isNaN(axis.at(-1)));
  assert.equal(axis.at(0.1), 0.5);
  assert.ok(axis.ticks.includes(0.01));
});

test('a line is broken where a value is missing', () => {
  assert.equal(
    line.linePath([
      { x: 0, y: 1 },
      { x: 1, y: 2 },
      { x: 2, y: NaN },
      { x: 3, y: 4 }
    ]),
    'M0 1L1 2M3 4h0.01'
  );
  assert.equal(line.linePath([]), '');
});

test('a sparkline takes one value, equal values and values that are no numbers', () => {
  assert.equal(line.sparkPath([], 64, 18), '');
  assert.equal(line.sparkPath([NaN, Infinity], 64, 18), '');
  assert.equal(line.sparkPath([3], 64, 18), 'M62.5 9h0.01');
  assert.equal(line.sparkPath([3, 3], 64, 18), 'M1.5 9L62.5 9');
  assert.equal(
    line.sparkPath([0, NaN, 1], 64, 18),
    'M1.5 16.5h0.01M62.5 1.5h0.01'
  );
});

test('the nearest point is found by its place across', () => {
  const places = [
    { x: 0, y: 0 },
    { x: 10, y: NaN },
    { x: 20, y: 0 }
  ];
  assert.equal(line.nearest(places, 9), 1);
  assert.equal(line.nearest([], 9), -1);
});

const SIZE = { width: 300, height: 168 };
const drawn = (points, more = {}) =>
  overlay.overlayOf(
    [{ id: 'a', points, origin: 0 }],
    { axis: 'step', isLog: false, smoothing: 0, zoom: null, ...more },
    SIZE
  );

test('a chart tells which points it cannot show, and which stand alone', () => {
  const points = [1, NaN, 2, 0].map((value, step) => ({
    step,
    time: step * 1000,
    value
  }));
  const [line] = drawn(points).lines;
  assert.deepEqual(line.hidden, [1]);
  assert.deepEqual(line.alone, [0]);
  assert.deepEqual(drawn(points, { isLog: true }).lines[0].hidden, [1, 3]);
  assert.ok(drawn(points).xTicks.every(tick => Number.isInteger(tick.value)));
});

test('a chart without points, or with none that can be shown, is an empty frame', () => {
  assert.equal(drawn([]).lines[0].path, '');
  const bad = [{ step: 0, time: 0, value: NaN }];
  assert.equal(drawn(bad, { axis: 'time', isLog: true }).lines[0].path, '');
});

test('steps that go back, and time that stands still, are drawn all the same', () => {
  const points = [3, 1, 2].map(step => ({ step, time: 7, value: step }));
  const { places } = drawn(points, { axis: 'relative' }).lines[0];
  assert.ok(places.every(place => Number.isFinite(place.x)));
});

test('runs are laid over each other: by time since each began they start together', () => {
  const at = start =>
    [0, 10].map(second => ({
      step: second,
      time: start + second * 1000,
      value: 1
    }));
  const { lines, xRange } = overlay.overlayOf(
    [
      { id: 'a', points: at(0), origin: 0 },
      { id: 'b', points: at(3_600_000), origin: 3_600_000 }
    ],
    { axis: 'relative', isLog: false, smoothing: 0, zoom: null },
    SIZE
  );
  assert.deepEqual(xRange, [0, 10]);
  assert.deepEqual(lines[0].xs, lines[1].xs);
});

test('a closer look takes the place of the points of its stretch', () => {
  const at = steps => steps.map(step => ({ step, time: 0, value: 0 }));
  const merged = overlay.withCloser(
    at([0, 10, 20, 30]),
    at([8, 9, 10, 11]),
    [7, 12],
    point => point.step
  );
  assert.deepEqual(
    merged.map(point => point.step),
    [0, 8, 9, 10, 11, 20, 30]
  );
  const whole = at([0, 10]);
  assert.equal(
    overlay.withCloser(whole, [], [2, 3], point => point.step),
    whole
  );
});

test('a zoomed axis moves as far as there is something, and widens up to the whole', () => {
  assert.deepEqual(overlay.panned([2, 4], 1, [0, 10]), [3, 5]);
  assert.deepEqual(overlay.panned([2, 4], -9, [0, 10]), [0, 2]);
  assert.deepEqual(overlay.panned([2, 4], 99, [0, 10]), [8, 10]);
  assert.deepEqual(overlay.zoomed([0, 8], 1 / 2, 4, [0, 10]), [2, 6]);
  assert.deepEqual(overlay.zoomed([0, 2], 2, 1, [0, 10]), [0, 3]);
  assert.equal(overlay.zoomed([2, 8], 2, 5, [0, 10]), null);
});

test('the greatest numbers there are have an axis', () => {
  const { lines, yTicks } = drawn([
    { step: 0, time: 0, value: 1.7e308 },
    { step: 1, time: 0, value: -1.7e308 }
  ]);
  assert.equal(lines[0].hidden.length, 0);
  assert.ok(
    yTicks.length > 1 && yTicks.every(tick => Number.isFinite(tick.at))
  );
});

test('a mean has the digits that its deviation makes sense of', () => {
  assert.deepEqual(numbers.formatSpread(0.78266, 0.0761), ['0.783', '0.076']);
  assert.deepEqual(numbers.formatSpread(-0.0007167, 0.00061), [
    '−0.00072',
    '0.00061'
  ]);
  assert.deepEqual(numbers.formatSpread(123.4, 56.7), ['123', '57']);
  assert.deepEqual(numbers.formatSpread(5, 0), ['5', '0']);
});

test('long texts are cut at letters, not inside of one', () => {
  assert.equal(numbers.shortened('🎉🎉🎉', 2), '🎉…');
  assert.equal(numbers.shortened('abc', 3), 'abc');
});

test('runs of one name are told apart by the run they are part of, else by their ids', () => {
  const run = (id, name, parent_id = null) => ({ id, name, parent_id });
  const runs = [
    run('a1', 'fold', 'p'),
    run('a2', 'fold', 'q'),
    run('000000b1', 'fold'),
    run('000000c1', 'fold', 'r'),
    run('000000c2', 'fold', 'r'),
    run('d', 'own', 'p')
  ];
  const parents = { p: 'search 1', q: 'search 2', r: 'search 3' };
  const told = names.namesakes(runs, id => parents[id] ?? null);
  assert.deepEqual(
    [...told.values()],
    ['search 1', 'search 2', '0000b1', 'search 3, 0000c1', 'search 3, 0000c2']
  );
  assert.equal(names.fullName(runs[0], told), 'fold (search 1)');
  assert.equal(names.fullName(runs[5], told), 'own');
});

test('the bars of a histogram stand between their edges, on one scale for the series', () => {
  const {
    bars: drawnBars,
    xTicks,
    yTicks,
    total
  } = bars.barsOf([0, 1, 2], [1, 3], [0, 1, 2, 4], [1, 3, 6], {
    width: 400,
    height: 300
  });
  assert.equal(drawnBars.length, 2);
  assert.ok(drawnBars[0].height < drawnBars[1].height);
  assert.ok(drawnBars[0].x + drawnBars[0].width <= drawnBars[1].x);
  assert.equal(xTicks.at(-1).label, '4');
  assert.equal(yTicks.at(-1).label, '6');
  assert.equal(total, 4);
  const odd = bars.barsOf([0, NaN], [1], [0, NaN], [1], SIZE);
  assert.deepEqual(odd.bars, []);
});

test('a zoom keeps the points inside and one beyond at each end', () => {
  const points = [0, 1, 2, 3, 4, 5].map(step => ({
    step,
    time: 0,
    value: step
  }));
  assert.deepEqual(drawn(points, { zoom: [2, 3] }).lines[0].xs, [1, 2, 3, 4]);
  // Between two points the line passes through all the same.
  assert.deepEqual(drawn(points, { zoom: [2.2, 2.8] }).lines[0].xs, [2, 3]);
  assert.deepEqual(drawn(points, { zoom: [8, 9] }).lines[0].xs, []);
});

test('smoothing starts without a bias and leaves what is not finite', () => {
  assert.deepEqual(smoothing.smooth([5, 5, 5], 0.9), [5, 5, 5]);
  assert.deepEqual(smoothing.smooth([1, 2], 0), [1, 2]);
  const [first, gap, second] = smoothing.smooth([1, NaN, 3], 0.5);
  assert.equal(first, 1);
  assert.ok(Number.isNaN(gap));
  assert.ok(Math.abs(second - (0.25 * 1 + 0.5 * 3) / 0.75) < 1e-12);
});

test('a run keeps its colour, no two of ten have the same, further ones are dashed', () => {
  const ids = Array.from({ length: 25 }, (_, index) => `run-${index}`);
  const looks = palette.looksOf(ids.slice(0, 10));
  assert.equal(new Set([...looks.values()].map(one => one.colour)).size, 10);
  const later = palette.looksOf(['new', 'run-3'], looks);
  assert.deepEqual(later.get('run-3'), looks.get('run-3'));
  const many = [...palette.looksOf(ids).values()];
  assert.equal(new Set(many.map(one => `${one.colour} ${one.dash}`)).size, 25);
  assert.ok(many.every(one => one.colour < 10 && one.dash < 3));
});

test('an excerpt points at a word, or behind the end of the text', () => {
  assert.deepEqual(excerpts.excerpt('a > foo.bar x', 4, 20), {
    before: 'a > ',
    at: 'foo.bar',
    after: ' x'
  });
  assert.equal(excerpts.excerpt('"🦉" x', 4, 20).at, 'x');
  assert.deepEqual(excerpts.excerpt('abc', 99, 2), {
    before: '…bc',
    at: '',
    after: ''
  });
});

test('a reference names a dataset, or one of its versions; an alias is for the server to resolve', () => {
  assert.deepEqual(dataset.versionOf('sales'), {
    name: 'sales',
    version: null
  });
  assert.deepEqual(dataset.versionOf('a/b 🎈@v12'), {
    name: 'a/b 🎈',
    version: 12
  });
  assert.equal(dataset.versionOf('sales@prod'), null);
  assert.equal(dataset.versionOf('sales@v0'), null);
  assert.equal(dataset.codeOf('a "b"', 3), 'nbp.get_dataset("a \\"b\\"@v3")');
});

test('a download is named after its version; what file systems refuse is left out', () => {
  const version = { dataset: 'a/b:c', version: 2, kind: 'table', source: null };
  assert.equal(dataset.fileNameOf(version, 'csv'), 'a_b_c-v2.csv');
  assert.equal(
    dataset.fileNameOf({ ...version, kind: 'folder' }, 'csv'),
    'a_b_c-v2.zip'
  );
  assert.equal(
    dataset.fileNameOf(
      { ...version, kind: 'file', source: '/d/x.csv.gz' },
      'parquet'
    ),
    'a_b_c-v2.csv.gz'
  );
});

test('a version by reference stays somewhere; others have nothing of that', () => {
  const reference = { target: 's3://lake/sales.parquet', size_bytes: 3 };
  assert.equal(dataset.targetOf({ reference }), 's3://lake/sales.parquet');
  for (const none of [null, undefined, 'text', {}, { target: 3 }]) {
    assert.equal(dataset.targetOf({ reference: none }), null);
  }
});

test('bars fill their box, and whatever has a row is seen', () => {
  const { path, total, highest } = dataset.smallBars([1, 0, 100_000], 30, 20);
  assert.equal(path, 'M0 20v-1h9v1zM20 20v-20h9v20z');
  assert.equal(total, 100_001);
  assert.equal(highest, 2);
  assert.equal(dataset.smallBars([], 30, 20).path, '');
});

test('shares never round to nothing or to all', () => {
  assert.equal(dataset.shareText(0, 10), '0 %');
  assert.equal(dataset.shareText(1, 100_000), '< 0.1 %');
  assert.equal(dataset.shareText(99_999, 100_000), '> 99.9 %');
  assert.equal(dataset.shareText(1, 3), '33 %');
  assert.equal(dataset.shareText(1, 16), '6.3 %');
});

test('times are written as such, whatever the column keeps them in', () => {
  const day = Date.UTC(2026, 10, 1) * 1000;
  const of = (type, value, kind = 'datetime') =>
    dataset.valueText({ kind, type }, value);
  assert.equal(of('timestamp[us]', day), '2026-11-01');
  assert.equal(of('timestamp[ns, tz=UTC]', day + 1e6), '2026-11-01 00:00:01');
  assert.equal(of('date32[day]', day), '2026-11-01');
  assert.equal(of('time64[us]', 3_600_000_000), '01:00:00');
  assert.equal(of('duration[us]', 90_000_000), '1 min 30 s');
  assert.equal(of('int64', 5, 'numeric'), '5');
  assert.equal(of('double', 'NaN', 'numeric'), 'NaN');
  assert.equal(of('double', null, 'numeric'), '');
});

test('of times over many days only the day is shown, of a few hours the time', () => {
  const start = Date.UTC(2026, 10, 1, 8, 30) * 1000;
  const column = days => ({
    kind: 'datetime',
    type: 'timestamp[us]',
    minimum: start,
    maximum: start + days * 86_400e6
  });
  assert.equal(dataset.shortValueText(column(30), start), '2026-11-01');
  assert.equal(dataset.shortValueText(column(1), start), '2026-11-01 08:30:00');
});

test('where every value is there once, none is frequent', () => {
  assert.ok(dataset.isUnique({ bars: [], top: [['a', 1]] }));
  assert.ok(!dataset.isUnique({ bars: [], top: [['a', 2]] }));
  assert.ok(!dataset.isUnique({ bars: [1], top: [['a', 1]] }));
  assert.ok(!dataset.isUnique({ bars: [], top: [] }));
});

test('two histograms stand on one axis, in shares of their rows', () => {
  const column = {
    edges: [0, 1, 2],
    labels: [],
    reference_bars: [0.75, 0.25],
    current_bars: [0.1, 0.9]
  };
  const paired = compared.pairedOf(column);
  assert.equal(paired.most, 0.9);
  const box = { left: 0, top: 0, right: 20, bottom: 9 };
  const drawn = compared.drawnIn(paired, box);
  assert.equal(drawn.before, 'M0 9v-7.5h9v7.5zM10 9v-2.5h9v2.5z');
  assert.equal(drawn.outline, 'M0 9V8H10V0H20V9');
  const chart = compared.pairedChart(
    paired,
    { width: 400, height: 200 },
    value => `${value} m`
  );
  assert.equal(chart.xTicks[0].label, '0 m');
  assert.equal(chart.xTicks.at(-1).label, '2 m');
  assert.equal(chart.yTicks[0].label, '0 %');
  assert.equal(chart.barAt(chart.frame.left + 1), 0);
  assert.equal(chart.barAt(chart.frame.right - 1), 1);
  assert.equal(chart.barAt(chart.frame.right + 1), null);
});

test('values have two bars each; what has no row has none, what has one is seen', () => {
  const paired = compared.pairedOf({
    edges: [],
    labels: ['Oslo', 'Rome'],
    reference_bars: [1, 0],
    current_bars: ['0.0001', 0.9999]
  });
  const drawn = compared.drawnIn(paired, {
    left: 0,
    top: 0,
    right: 20,
    bottom: 10
  });
  assert.equal(drawn.before, 'M1 10v-10h4v10z');
  assert.equal(drawn.now, 'M5 10v-1h4v1zM15 10v-10h4v10z');
  assert.equal(drawn.outline, '');
  assert.equal(
    compared.pairedOf({
      edges: [],
      labels: [],
      reference_bars: [],
      current_bars: []
    }),
    null
  );
});

test('shares and values are told as people read them', () => {
  assert.deepEqual([0, 0.0004, 0.0123, 0.5].map(compared.partText), [
    '0 %',
    '< 0.1 %',
    '1.2 %',
    '50 %'
  ]);
  assert.deepEqual(
    [null, '', 'a', 1.5, true, { a: [1] }].map(compared.cellText),
    ['–', '""', 'a', '1.5', 'true', '{"a":[1]}']
  );
});

test('the columns of a table of changes are those in which any row differs', () => {
  assert.deepEqual(
    compared.changedColumns([
      { values: { a: [1, 2] } },
      { values: { b: [1, 2], a: [3, 4] } }
    ]),
    ['a', 'b']
  );
});
