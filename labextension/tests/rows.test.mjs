import assert from 'node:assert/strict';
import test from 'node:test';

import rows from '../lib/unit/models/rows.js';

const HEIGHTS = { experiment: 28, run: 44, more: 32, none: 28 };
const run = (id, experiment = 'e') => ({
  id,
  experiment_id: experiment,
  parent_id: null
});
const part = (id, parent) => ({ ...run(id), parent_id: parent });
/** Each run with its depth, as `id:depth`. */
const drawn = (runs, folded = []) =>
  rows.nested(runs, new Set(folded)).map(at => `${at.run.id}:${at.depth}`);
const group = (id, runs, more = {}) => ({
  experiment: { id, run_count: runs.length, name: id },
  expanded: true,
  loading: false,
  runs,
  more: false,
  ...more
});

test('runs stand below their experiment; a closed one shows none', () => {
  const made = rows.treeRows(
    [group('a', [run('1')]), group('b', [run('2')], { expanded: false })],
    false
  );
  assert.deepEqual(
    made.map(row => row.key),
    ['experiment:a', 'run:1', 'experiment:b']
  );
  assert.equal(made[0].siblings, 2);
  assert.equal(made[1].level, 2);
});

test('what is part of a run stands beneath it, in the order of the server', () => {
  // Newest first: parts started after the run that they are part of.
  const runs = [run('z'), part('c', 'p'), part('b', 'p'), run('p'), run('a')];
  assert.deepEqual(drawn(runs), ['z:0', 'p:0', 'c:1', 'b:1', 'a:0']);
  const [z, p, c, b] = rows.nested(runs, new Set());
  assert.deepEqual([z.position, z.siblings, z.children], [1, 3, 0]);
  assert.deepEqual([p.position, p.siblings, p.children], [2, 3, 2]);
  assert.deepEqual([b.position, b.siblings, b.parent.id], [2, 2, 'p']);
  assert.equal(c.parent, p.run);
});

test('runs that are part of nothing keep their order', () => {
  assert.deepEqual(drawn([run('c'), run('a'), run('b')]), [
    'c:0',
    'a:0',
    'b:0'
  ]);
  assert.deepEqual(drawn([]), []);
});

test('a part whose parent is not there stays at the top', () => {
  assert.deepEqual(drawn([part('b', 'gone'), run('a')]), ['b:0', 'a:0']);
});

test('parts of parts are deeper, and folding a run hides all beneath it', () => {
  const runs = [part('3', '2'), part('2', '1'), run('1'), run('0')];
  assert.deepEqual(drawn(runs), ['1:0', '2:1', '3:2', '0:0']);
  assert.deepEqual(drawn(runs, ['2']), ['1:0', '2:1', '0:0']);
  assert.deepEqual(drawn(runs, ['1']), ['1:0', '0:0']);
  assert.deepEqual(drawn(runs, ['0', 'gone']), drawn(runs));
});

test('parents in a circle hide nothing', () => {
  assert.deepEqual(drawn([part('a', 'a')]), ['a:0']);
  assert.deepEqual(
    drawn([part('d', 'a'), part('a', 'b'), part('b', 'c'), part('c', 'a')]),
    ['a:0', 'd:1', 'b:0', 'c:0']
  );
});

test('runs may be nested deeper than a stack', () => {
  const count = 20_000;
  const chain = Array.from({ length: count }, (_, index) =>
    part(String(index), index === 0 ? null : String(index - 1))
  );
  const made = rows.nested(chain, new Set());
  assert.equal(made.length, count);
  assert.equal(made[count - 1].depth, count - 1);
});

test('in the tree a part is a level below its run, which can be folded', () => {
  const groups = [group('e', [part('2', '1'), run('1')])];
  const [, parent, child] = rows.treeRows(groups, false);
  assert.deepEqual([parent.level, parent.expanded], [2, true]);
  assert.equal(parent.parent, 'experiment:e');
  assert.deepEqual([child.level, child.expanded], [3, null]);
  assert.equal(child.parent, 'run:1');
  const folded = rows.treeRows(groups, false, new Set(['1']));
  assert.deepEqual(
    folded.map(row => row.key),
    ['experiment:e', 'run:1']
  );
  assert.equal(folded[1].expanded, false);
});

test('while more is to come, how many stand at the top is not known', () => {
  const made = rows.treeRows(
    [group('e', [part('2', '1'), run('1')], { more: true })],
    false
  );
  assert.deepEqual(
    made.filter(row => row.type === 'run').map(row => row.siblings),
    [-1, 1]
  );
  const flat = group('e', [run('2'), run('1')], { more: true });
  flat.experiment.run_count = 70;
  assert.equal(rows.treeRows([flat], false)[1].siblings, 70);
});

test('what is still to come has a row of its own, and an empty experiment says so', () => {
  const made = rows.treeRows(
    [group('a', [run('1')], { more: true }), group('b', [])],
    true
  );
  assert.deepEqual(
    made.map(row => row.type),
    ['experiment', 'run', 'more', 'experiment', 'none', 'more']
  );
});

test('results keep the order of the server and name their experiment', () => {
  const made = rows.resultRows(
    [run('2', 'x'), run('1', 'y')],
    'auc',
    false,
    false
  );
  assert.deepEqual(
    made.map(row => row.key),
    ['run:2', 'run:1']
  );
  assert.ok(made.every(row => row.showExperiment && row.metric === 'auc'));
});

test('of ten thousand rows only those in view are drawn, and the rest keeps its height', () => {
  const many = rows.resultRows(
    Array.from({ length: 10_000 }, (_, index) => run(String(index))),
    null,
    false,
    false
  );
  const cut = rows.windowOf(many, HEIGHTS, 44 * 5000, 440, 44);
  assert.equal(cut.first, 4999);
  assert.equal(cut.last, 5010);
  const drawn = (cut.last - cut.first + 1) * 44;
  assert.equal(cut.above + drawn + cut.below, 44 * 10_000);
});

test('a window beyond the end draws nothing, and nothing has no window', () => {
  assert.equal(rows.windowOf([], HEIGHTS, 0, 400, 10).last, -1);
  const one = rows.resultRows([run('1')], null, false, false);
  assert.deepEqual(rows.windowOf(one, HEIGHTS, 5000, 400, 10), {
    first: 0,
    last: -1,
    above: 0,
    below: 44
  });
});

test('a page fetched again puts what is new first and forgets nothing below', () => {
  assert.deepEqual(rows.mergePage(['b', 'c', 'd'], ['a', 'b'], false), [
    'a',
    'b',
    'c',
    'd'
  ]);
  assert.deepEqual(rows.mergePage(['b', 'c'], ['a'], true), ['a']);
});

test('runs are listed newest first, whatever order they arrive in', () => {
  const at = (id, started) => ({ id, started });
  const arrived = [
    at('b', '2026-01-01T00:00:00.5Z'),
    at('c', '2026-01-01T00:00:00.5Z'),
    at('a', '2026-01-01T00:00:01Z'),
    at('d', '2026-01-01T00:00:00Z')
  ];
  assert.deepEqual(
    arrived.sort(rows.newestFirst).map(run => run.id),
    ['a', 'c', 'b', 'd']
  );
});
