import assert from 'node:assert/strict';
import test from 'node:test';

import polling from '../lib/unit/models/polling.js';

test('a server that is back is noticed within ten seconds', () => {
  assert.deepEqual(polling.pollFrequency(5), {
    interval: 5000,
    backoff: true,
    max: 10_000
  });
});

test('polls may be rarer than that, and never', () => {
  assert.equal(polling.pollFrequency(3600).max, 3_600_000);
  assert.equal(polling.pollFrequency(0).interval, Infinity);
});
