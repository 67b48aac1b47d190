import assert from 'node:assert/strict';
import { Blob } from 'node:buffer';
import test from 'node:test';

import columns from '../lib/unit/figures/columns.js';
import folders from '../lib/unit/figures/folders.js';
import grid from '../lib/unit/figures/grid.js';
import link from '../lib/unit/figures/link.js';
import plots from '../lib/unit/figures/plots.js';
import search from '../lib/unit/figures/search.js';
import previews from '../lib/unit/services/preview.js';

const run = (id, more = {}) => ({
  id,
  name: id,
  experiment: 'e',
  experiment_id: 'e',
  status: 'finished',
  started: '2026-01-01T00:00:00Z',
  ended: '2026-01-01T00:01:00Z',
  parent_id: null,
  group: null,
  notes: null,
  params: {},
  metrics: {},
  tags: {},
  artifacts: [],
  git: null,
  user: null,
  host: null,
  ...more
});
const column = key => columns.columnOf(key);

test('a column is read from its key, and the search names it, quoted where it must be', () => {
  assert.deepEqual(column('metrics.val/auc.mean'), {
    key: 'metrics.val/auc.mean',
    group: 'metrics',
    name: 'val/auc.mean'
  });
  assert.equal(column('nothing'), null);
  assert.equal(column('metrics.'), null);
  assert.equal(
    columns.fieldOf(column('metrics.best auc')),
    'metrics.`best auc`'
  );
  assert.equal(columns.fieldOf(column('run.started')), 'started');
  assert.equal(columns.fieldOf(column('run.commit')), null);
  for (const key of ['params.a`b c', 'metrics.auc', 'run.duration']) {
    assert.equal(columns.columnOfField(columns.fieldOf(column(key))), key);
  }
});

test('a cell holds the value as logged; a run without it has null', () => {
  const one = run('a', { metrics: { loss: 'NaN' }, params: { depth: 0 } });
  assert.ok(Number.isNaN(columns.cellOf(one, column('metrics.loss'))));
  assert.equal(columns.cellOf(one, column('params.depth')), 0);
  assert.equal(columns.cellOf(one, column('params.other')), null);
  assert.equal(columns.cellOf(one, column('run.duration')), 60_000);
  assert.equal(columns.cellOf(one, column('run.group')), null);
  const grouped = run('b', { group: 'seeds' });
  assert.equal(columns.cellOf(grouped, column('run.group')), 'seeds');
  assert.deepEqual(columns.knownOf([one, grouped]).values.get('run.group'), [
    'seeds'
  ]);
});

test('at first the commonest metrics and the params that differ are shown', () => {
  const runs = [
    run('a', { params: { same: 1, depth: 1 }, metrics: { auc: 1, rare: 1 } }),
    run('b', { params: { same: 1, depth: 2 }, metrics: { auc: 2 } })
  ];
  assert.deepEqual(columns.defaultColumns(runs, columns.knownOf(runs), false), [
    'run.started',
    'run.duration',
    'metrics.auc',
    'metrics.rare',
    'params.depth'
  ]);
});

test('an order in the text wins; else the column decides', () => {
  const sort = { column: 'metrics.auc', descending: true };
  assert.equal(search.composeQuery('', sort), 'order by metrics.auc desc');
  assert.equal(
    search.composeQuery('params.a = 1', sort),
    'params.a = 1 order by metrics.auc desc'
  );
  assert.equal(
    search.composeQuery('a = 1 Order  By name', sort),
    'a = 1 Order  By name'
  );
  assert.deepEqual(search.sortOf('x order by metrics.`best auc` DESC, name'), {
    column: 'metrics.best auc',
    descending: true
  });
});

test('words in quotes order nothing', () => {
  const text = 'name = "order by me"';
  assert.deepEqual(search.splitOrder(text), { where: text, order: '' });
});

const KNOWN = {
  metrics: ['auc', 'best auc'],
  params: ['model', 'depth'],
  tags: ['owner'],
  values: new Map([
    ['params.model', ['boost', 'net']],
    ['params.depth', ['2', '3']],
    ['run.status', ['failed', 'finished']]
  ])
};
const offered = (text, caret = text.length) =>
  search
    .completionAt(text, caret, KNOWN)
    .options.map(option => option.insert.trim());

test('what may come next depends on what stands before', () => {
  assert.ok(offered('').includes('metrics.'));
  assert.deepEqual(offered('params.mo'), ['params.model']);
  assert.deepEqual(offered('mod'), ['params.model']);
  assert.ok(offered('metrics.b').includes('metrics.`best auc`'));
  assert.ok(offered('metrics.auc ').includes('>='));
  assert.deepEqual(offered('params.model = b'), ['"boost"']);
  assert.deepEqual(offered('params.depth > '), ['2', '3']);
  assert.deepEqual(offered('status = "fa'), ['"failed"']);
  assert.deepEqual(offered('params.model in ("boost", n'), ['"net"']);
  assert.deepEqual(offered('metrics.auc > 0.5 '), ['and', 'or', 'order by']);
  assert.deepEqual(offered('metrics.auc > 0.5 order by metrics.auc '), [
    'desc',
    'asc'
  ]);
  assert.ok(offered('metrics.auc > 0.5 and not ').includes('status'));
});

test('what is written already is not offered, and the word under the caret is replaced', () => {
  assert.deepEqual(offered('params.model'), []);
  assert.deepEqual(offered('name = "nobody"'), []);
  const { from, to } = search.completionAt('params.mo = 1', 9, KNOWN);
  assert.deepEqual([from, to], [0, 9]);
});

test('pinned runs stand on top once, hidden ones nowhere, groups fold', () => {
  const runs = ['a', 'b', 'c'].map((id, index) =>
    run(id, { params: index === 2 ? {} : { model: 'm' } })
  );
  const options = {
    group: null,
    pinned: [runs[2]],
    hidden: new Set(['a']),
    showHidden: false,
    closed: new Set(),
    more: true,
    noneWord: 'none'
  };
  const keys = more =>
    grid.gridRows(runs, { ...options, ...more }).map(row => row.key);
  assert.deepEqual(keys({}), ['c', 'b', 'more']);
  assert.deepEqual(keys({ showHidden: true }), ['c', 'a', 'b', 'more']);
  const grouped = { group: column('params.model'), pinned: [], more: false };
  assert.deepEqual(keys(grouped), ['group:m', 'b', 'group:none', 'c']);
  assert.deepEqual(keys({ ...grouped, closed: new Set(['group:m']) }), [
    'group:m',
    'group:none',
    'c'
  ]);
});

test('a group has a mean and the deviation of a sample; NaN is in neither', () => {
  assert.deepEqual(grid.meanOf([1, 3, NaN]), {
    mean: 2,
    deviation: Math.sqrt(2)
  });
  assert.deepEqual(grid.meanOf([4]), { mean: 4, deviation: null });
  assert.equal(grid.meanOf([NaN]), null);
});

test('of very many rows only those in view are drawn', () => {
  assert.deepEqual(grid.rowsInView(10_000, 30, 150_000, 600, 10), {
    first: 4990,
    last: 5030
  });
  assert.deepEqual(grid.rowsInView(3, 30, 0, 600, 10), { first: 0, last: 2 });
  assert.deepEqual(grid.rowsInView(0, 30, 0, 600, 10), { first: 0, last: -1 });
});

const ID = '0'.repeat(31) + '1';

test('a place comes back from its text as it was', () => {
  const places = [
    {
      kind: 'runs',
      workspace: 'w',
      state: {
        ...link.TABLE,
        query: 'params.a = "x & y" order by name',
        sort: { column: 'metrics.best auc', descending: true },
        columns: ['params.a,b', 'metrics.auc'],
        group: 'tags.team',
        selected: [ID],
        layout: 'both',
        charts: {
          ...link.CHARTS,
          axis: 'relative',
          smoothing: 0.6,
          isLog: true
        }
      }
    },
    {
      kind: 'compare',
      workspace: 'w',
      state: {
        ...link.COMPARE,
        runs: [ID, ID],
        tab: 'box',
        onlyDifferent: true
      }
    },
    {
      kind: 'run',
      workspace: '',
      run: ID,
      tab: 'artifacts',
      artifact: 'model/a & b.txt',
      charts: {
        ...link.CHARTS,
        smoothing: 0.5,
        zooms: [
          { metric: 'val/loss of a & b', range: [-1.5, 1e21] },
          { metric: 'auc', range: [0, 10] }
        ]
      }
    },
    {
      kind: 'dataset',
      workspace: '9f31c2a07be4',
      dataset: 'a/b & c@v3',
      tab: 'compare',
      against: 'train@prod'
    }
  ];
  for (const place of places) {
    assert.deepEqual(link.placeOf(link.placeText(place)), place);
  }
});

test('a place that makes no sense is nothing, or as by default', () => {
  assert.equal(link.placeOf('elsewhere?x=1'), null);
  assert.equal(link.placeOf('run?tab=code'), null);
  assert.equal(link.placeOf('dataset?tab=versions'), null);
  const { state } = link.placeOf(
    'runs?layout=odd&smooth=7&selected=zz&zoom=9+1+auc&zoom=auc&zoom=0+x+auc'
  );
  assert.deepEqual(state, link.TABLE);
});

test('quartiles lie between the values, as most programs have them', () => {
  assert.deepEqual(plots.fiveOf([4, 1, 3, 2, NaN]), {
    low: 1,
    q1: 1.75,
    median: 2.5,
    q3: 3.25,
    high: 4
  });
  assert.equal(plots.fiveOf([]), null);
});

const SIZE = { width: 600, height: 380 };
const SOME = [
  run('a', { params: { depth: 1, model: 'x' }, metrics: { auc: 0.5 } }),
  run('b', { params: { depth: 2, model: 'y' }, metrics: { auc: 0.7 } }),
  run('c', { params: { model: 'y' }, metrics: {} })
];

test('a scatter leaves out what lacks one of the two, and says how many', () => {
  const plot = plots.scatterOf(
    SOME,
    column('params.depth'),
    column('metrics.auc'),
    false,
    SIZE
  );
  assert.deepEqual(
    plot.dots.map(dot => dot.run.id),
    ['a', 'b']
  );
  assert.equal(plot.missing, 1);
  assert.ok(plot.dots[0].y > plot.dots[1].y);
  assert.deepEqual(
    plot.xTicks.map(tick => tick.label),
    ['1', '2']
  );
});

test('boxes are made by the values of a param', () => {
  const { boxes } = plots.boxesOf(
    SOME,
    column('params.model'),
    column('metrics.auc'),
    false,
    SIZE
  );
  assert.deepEqual(
    boxes.map(box => [box.label, box.runs.length]),
    [
      ['x', 1],
      ['y', 1]
    ]
  );
});

test('parallel coordinates break where a run has nothing, and a range keeps what is inside', () => {
  const keys = ['params.model', 'params.depth', 'metrics.auc'].map(column);
  const { lines } = plots.parallelOf(
    SOME,
    keys,
    { 'metrics.auc': [0.6, 1] },
    SIZE
  );
  assert.deepEqual(
    lines.map(line => line.isIn),
    [false, true, false]
  );
  assert.ok(lines[0].path.includes('C') && !lines[2].path.includes('C'));
});

test('a preview is chosen by type and size, and never for what cannot be read', () => {
  const kind = (name, media_type, size_bytes = 10, more = {}) =>
    previews.kindOf({ name, media_type, size_bytes, reference: null, ...more });
  assert.equal(kind('a.png', 'image/png'), 'image');
  assert.equal(kind('a.csv', 'text/csv'), 'table');
  assert.equal(kind('a.html', 'text/html'), 'html');
  assert.equal(kind('a.patch', 'text/x-diff'), 'diff');
  assert.equal(kind('a.yaml', 'application/octet-stream'), 'text');
  assert.deepEqual(kind('a.pkl', 'application/octet-stream'), { kind: 'none' });
  assert.deepEqual(kind('a.txt', 'text/plain', 1e9), { kind: 'large' });
  assert.deepEqual(kind('a.txt', 'text/plain', 0, { reference: 's3://b/a' }), {
    kind: 'reference',
    target: 's3://b/a'
  });
  // The server knows all of its versions.
  assert.deepEqual(
    kind('a.json', 'application/json', 1, { kind: 'histogram' }),
    {
      kind: 'none'
    }
  );
});

test('JSON is data, whatever is written in it; what only looks like it stays text', async () => {
  const read = text =>
    previews.readPreview(
      previews.kindOf({
        name: 'a.plotly.json',
        media_type: 'application/vnd.plotly.v1+json; charset=utf-8',
        size_bytes: 10,
        kind: 'figure',
        reference: null
      }),
      new Blob([text]),
      'a.plotly.json',
      'application/vnd.plotly.v1+json; charset=utf-8'
    );
  assert.deepEqual(await read('{"data":[1]}'), {
    kind: 'json',
    type: 'application/vnd.plotly.v1+json',
    data: { data: [1] },
    text: '{\n  "data": [\n    1\n  ]\n}'
  });
  assert.deepEqual(await read('[NaN]'), { kind: 'text', text: '[NaN]' });
});

test('artifacts stand in their folders, which say what is in them', () => {
  const file = (name, size_bytes, reference = null) => ({
    name,
    size_bytes,
    reference
  });
  const files = [
    file('m/part 10', 1),
    file('m/part 2', 2),
    file('a', 3),
    file('m', 4),
    file('m/w/x', 5),
    file('M/y', 0, 's3://b/y')
  ];
  const of = isOpen =>
    folders
      .artifactRows(files, isOpen)
      .map(row =>
        row.kind === 'file'
          ? `${' '.repeat(row.depth)}${row.label}`
          : `${' '.repeat(row.depth)}${row.name}/ ${row.count} ${row.bytes} ${row.isKept}`
      );
  assert.deepEqual(
    of(() => true),
    [
      'a',
      'm',
      'm/ 3 8 true',
      ' part 2',
      ' part 10',
      ' m/w/ 1 5 true',
      '  x',
      'M/ 1 0 false',
      ' y'
    ]
  );
  assert.deepEqual(
    of(name => name === 'M'),
    ['a', 'm', 'm/ 3 8 true', 'M/ 1 0 false', ' y']
  );
});

test('a page gets a policy before anything of its own, but for its doctype', () => {
  const sealed = previews.sealedPage('<!doctype html><h1>x</h1>', false);
  assert.match(sealed, /^<!doctype html><meta http-equiv="Content-Security/);
  assert.ok(sealed.includes("default-src 'none'"));
  assert.ok(!sealed.includes('script-src'));
  assert.ok(
    previews.sealedPage('', true).includes("script-src 'unsafe-inline'")
  );
  // What a browser takes for the end of a comment must not hide a script from the policy.
  const tricky = '<!--><script>1</script>--><!doctype html>';
  assert.match(previews.sealedPage(tricky, true), /^<meta/);
});

test('a column is moved among the others; a place that is none changes nothing', () => {
  assert.deepEqual(columns.moved(['a', 'b', 'c'], 0, 2), ['b', 'c', 'a']);
  assert.deepEqual(columns.moved(['a', 'b', 'c'], 2, 0), ['c', 'a', 'b']);
  assert.deepEqual(columns.moved(['a'], 0, 3), ['a']);
});

test('names with numbers stand in the order of these', () => {
  assert.deepEqual(
    ['course 10', 'course 2', 'Course 1'].sort(columns.naturally),
    ['Course 1', 'course 2', 'course 10']
  );
});

test('a table in text may hold commas, quotes and line ends', () => {
  const table = previews.tableOf('a,b\r\n"1,5","say ""hi""\nyou"\n2,\n', ',');
  assert.deepEqual(table.head, ['a', 'b']);
  assert.deepEqual(table.rows, [
    ['1,5', 'say "hi"\nyou'],
    ['2', '']
  ]);
  const long = previews.tableOf('a\n' + '1\n'.repeat(300), ',');
  assert.equal(long.rows.length + long.left, 300);
});
