import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bar, scale } from './bars.js';

test('one dump begins at the left edge, and the longest bar ends before the right one', () => {
  const s = scale([400, 300, 0], 150, false);
  assert.equal(s.zero, 0);
  assert.deepEqual(bar(400, s), { left: 0, length: 136, cut: false });
  assert.equal(bar(0, s), null);
});

test('the same pixels per byte both ways, from one zero line', () => {
  const s = scale([400, -400, 100], 150);
  const up = bar(400, s);
  const down = bar(-400, s);
  assert.equal(up.length, down.length);
  assert.equal(up.left, s.zero);
  assert.equal(down.left + down.length, s.zero);
});

test('a giant is cut so that the rest keeps a shape; at most three are', () => {
  const s = scale([1_000_000, 900, 800], 150);
  assert.equal(s.cut, 1125);
  assert.equal(bar(1_000_000, s).cut, true);
  assert.equal(bar(900, s).cut, false);
  const five = scale([10 ** 10, 10 ** 8, 10 ** 6, 10 ** 4, 100], 150);
  assert.equal(five.cut, 12_500);
});

test('a change of one byte is still seen', () => {
  const s = scale([1_000_000, 900_000, 1, -1], 150);
  assert.equal(bar(1, s).length, 2);
  assert.equal(bar(-1, s).length, 4);
});

test('the tick is a round number inside the scale', () => {
  assert.equal(scale([4_074_206, 3_472_320], 150).tick, 2_000_000);
  assert.equal(scale([1], 150).tick, 0);
  assert.equal(scale([], 150).tick, 0);
  assert.equal(scale([0, 0], 150).perUnit, 0);
});

test('zero has room on its left, also where nothing shrank; a hollow bar has at least 4 pixels', () => {
  const s = scale([400, 300, 1], 150);
  assert.equal(s.zero, 18);
  assert.equal(bar(1, s).length, 2);
  assert.equal(bar(1, s, true).length, 4);
  assert.equal(scale([1, -9, -9, -9, -9], 100).zero, 85);
});
