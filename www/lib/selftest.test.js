import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WAYS, browserName, keyOf, linesOf } from './selftest.js';

test('a report is counted for the way it is of', () => {
  assert.equal(keyOf('https://dropheap-selftest.invalid/fetch', 'connect-src'), 'fetch');
  assert.equal(keyOf('wss://dropheap-selftest.invalid/websocket', 'connect-src'), 'websocket');
  assert.equal(keyOf('https://dropheap-selftest.invalid', 'frame-src'), 'frame');
  assert.equal(keyOf('https://dropheap-selftest.invalid/', 'object-src'), 'object');
  assert.equal(keyOf('https://elsewhere.example/fetch', 'connect-src'), '');
  assert.equal(keyOf('https://dropheap-selftest.invalid/form?', 'form-action'), 'form');
  assert.equal(keyOf('inline', 'style-src'), '');
});

test('every way is in exactly one line; what ended otherwise has a line of its own', () => {
  const all = Object.fromEntries(WAYS.map((key) => [key, /** @type {const} */ ('blocked')]));
  const lines = linesOf(all);
  assert.equal(lines.reduce((n, l) => n + l.name.split(', ').length, 0), WAYS.length);
  assert.ok(lines.length < WAYS.length);
  const one = linesOf({ ...all, beacon: 'silent' });
  assert.deepEqual(one.slice(0, 2).map((l) => [l.name, l.outcome]), [['fetch, XMLHttpRequest', 'blocked'], ['sendBeacon', 'silent']]);
});

test('browsers by name', () => {
  assert.equal(browserName('Mozilla/5.0 (X11) Gecko/20100101 Firefox/140.0'), 'Firefox 140');
  assert.equal(browserName('Mozilla/5.0 AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36'), 'Chromium 156');
  assert.equal(browserName('Mozilla/5.0 AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36 Edg/156.0'), 'Edge 156');
  assert.equal(browserName('x'), 'this browser');
});
