import assert from 'node:assert/strict';
import test from 'node:test';

import rows from '../lib/unit/models/rows.js';

const HEIGHTS = { experiment: 28, run: 44, more: 32, none: 28 };
const run = (id, experiment = 'e') => ({ id, experiment_id: experiment });
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
