import assert from 'node:assert/strict';
import test from 'node:test';

import changes from '../lib/unit/services/change.js';
import problems from '../lib/unit/services/problem.js';
import queries from '../lib/unit/services/query.js';

const body = error => JSON.stringify({ error });

test('a refusal keeps the message, the hint and the place of the server', () => {
  const problem = problems.problemOf(
    422,
    body({
      code: 'invalid',
      message: 'expected a value',
      hint: 'write a number',
      details: { column: 7 }
    })
  );
  assert.equal(problem.kind, 'refused');
  assert.equal(problem.code, 'invalid');
  assert.equal(problem.message, 'expected a value');
  assert.equal(problem.hint, 'write a number');
  assert.equal(problems.problemColumn(problem), 6);
});

test('a run that is not there is refused; a route that is not there means no extension', () => {
  const noRun = body({ code: 'not-found', message: 'no run', hint: null });
  assert.equal(problems.problemOf(404, noRun).kind, 'refused');
  const jupyters = JSON.stringify({ message: 'Not Found', reason: null });
  assert.equal(problems.problemOf(404, jupyters).kind, 'missing');
  assert.equal(problems.problemOf(404, '<html>').kind, 'missing');
});

test('a login that ran out, a proxy without a server and a crash are told apart', () => {
  assert.equal(
    problems.problemOf(403, '{"message": "Forbidden"}').kind,
    'denied'
  );
  assert.equal(
    problems.problemOf(403, body({ code: 'not-allowed', message: 'no' })).kind,
    'denied'
  );
  assert.equal(problems.problemOf(502, '<html>').kind, 'offline');
  assert.equal(problems.problemOf(500, '').kind, 'broken');
  assert.equal(
    problems.problemOf(503, body({ code: 'unavailable', message: 'locked' }))
      .kind,
    'broken'
  );
});

test('a server that is going down is as good as away', () => {
  const told = body({
    code: 'unavailable',
    message: 'the server is going down',
    details: { reason: 'stopping' }
  });
  assert.equal(problems.problemOf(503, told).kind, 'offline');
});

test('a place is counted from 1 by the server, and may be missing', () => {
  const at = details =>
    problems.problemColumn(
      problems.problemOf(422, body({ message: 'm', details }))
    );
  assert.equal(at({ column: 1 }), 0);
  assert.equal(at({ column: '3' }), null);
  assert.equal(at({ column: 0 }), null);
  assert.equal(at(null), null);
});

test('whatever is thrown becomes a problem', () => {
  assert.equal(problems.asProblem(new TypeError('x')).message, 'x');
  assert.equal(problems.asProblem('y').message, 'y');
});

test('a query string repeats lists and leaves out what is empty', () => {
  assert.equal(
    queries.queryString({
      id: ['a', 'b&c'],
      after: undefined,
      limit: 5,
      none: null
    }),
    '?id=a&id=b%26c&limit=5'
  );
  assert.equal(queries.queryString({}), '');
});

test('the metric of a search is the one it orders by, else the first it names', () => {
  const of = queries.metricOfQuery;
  assert.equal(of('metrics.auc > 0.9 order by metrics.loss desc'), 'loss');
  assert.equal(of('metrics.val/auc > 0.9'), 'val/auc');
  assert.equal(of('metrics."my auc" > 0.9'), 'my auc');
  assert.equal(of('params.model = "xgb"'), null);
});

test('only well formed changes of our own schema are read', () => {
  const event = {
    schema_id: changes.CHANGED,
    workspace: 'w',
    kind: 'run',
    ids: ['a', 1]
  };
  assert.deepEqual(changes.readChange(event), {
    workspace: 'w',
    kind: 'run',
    ids: ['a']
  });
  assert.equal(changes.readChange({ ...event, schema_id: 'other' }), null);
  assert.equal(changes.readChange({ ...event, ids: 'a' }), null);
});
