import assert from 'node:assert/strict';
import test from 'node:test';

import canvas from '../lib/unit/figures/canvas.js';

const room = { width: 400, height: 200 };
/** Where a place of the picture lies on the screen. */
const onScreen = (view, { x, y }) => ({
  x: (x - view.x) * view.scale,
  y: (y - view.y) * view.scale
});

test('a small picture lies in the middle, in its own size', () => {
  const view = canvas.fitted({ width: 200, height: 100 }, room);
  assert.deepEqual(view, { x: -100, y: -50, scale: 1 });
});

test('a larger one is made smaller as long as it can be read', () => {
  const view = canvas.fitted({ width: 500, height: 100 }, room, { x: 0, y: 0 });
  assert.equal(view.scale, 0.8);
  assert.deepEqual(onScreen(view, { x: 500, y: 50 }), { x: 400, y: 100 });
});

test('of one that could not be read, the part around a point is shown', () => {
  const size = { width: 4000, height: 100 };
  const at = x => canvas.fitted(size, room, { x, y: 50 });
  assert.deepEqual(at(2000), { x: 1800, y: -50, scale: 1 });
  assert.equal(at(10).x, 0);
  assert.equal(at(3990).x, 3600);
});

test('moving follows the pointer, however close one looks', () => {
  const view = { x: 10, y: 20, scale: 2 };
  const place = { x: 30, y: 40 };
  const before = onScreen(view, place);
  const after = onScreen(canvas.moved(view, 15, -5), place);
  assert.deepEqual(after, { x: before.x + 15, y: before.y - 5 });
});

test('what lies under the pointer stays there when one looks closer', () => {
  const view = { x: 10, y: 20, scale: 1 };
  const place = { x: 110, y: 70 };
  const at = onScreen(view, place);
  for (const factor of [0.5, 1.25, 3]) {
    const closer = canvas.zoomed(view, room, factor, at);
    assert.equal(closer.scale, factor);
    const now = onScreen(closer, place);
    assert.ok(Math.abs(now.x - at.x) < 1e-9 && Math.abs(now.y - at.y) < 1e-9);
  }
});

test('nobody gets lost by looking too close or from too far', () => {
  const view = { x: 0, y: 0, scale: 1 };
  assert.equal(canvas.zoomed(view, room, 100).scale, 4);
  assert.equal(canvas.zoomed(view, room, 0.001).scale, 0.1);
});

test('a part is written as SVG does', () => {
  assert.equal(
    canvas.viewBoxOf({ x: 1.23456, y: -2, scale: 2 }, room),
    '1.23 -2 200 100'
  );
});
