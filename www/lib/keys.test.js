import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEYS, commandOf } from './keys.js';

const press = (key, letters = true, more = {}) => commandOf({ key, ctrlKey: false, metaKey: false, altKey: false, ...more }, letters);

test('every key of the help does something in the table', () => {
  const names = { '↑': 'ArrowUp', '↓': 'ArrowDown', '→': 'ArrowRight', '←': 'ArrowLeft', PgUp: 'PageUp', PgDn: 'PageDown', Esc: 'Escape' };
  for (const key of KEYS.flatMap((k) => k.keys).filter((k) => k !== '…')) assert.ok(press(names[key] ?? key), key);
});

test('letters can be switched off; arrows stay', () => {
  assert.equal(press('g', false), null);
  assert.equal(press('2', false), null);
  assert.deepEqual(press('ArrowDown', false), { move: 1 });
});

test("the browser's own keys stay the browser's", () => {
  assert.equal(press('c', true, { ctrlKey: true }), null);
  assert.equal(press('s', true, { metaKey: true }), null);
  assert.equal(press('toString'), null);
});
