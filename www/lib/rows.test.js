import assert from 'node:assert/strict';
import { test } from 'node:test';
import { change, freeOf, growth, keyOf, lineOf, selection, sumOf, textOf } from './columns.js';
import { SHOWN, average, filtered, matcher, nameRanks, searchTexts, sorted } from './rows.js';
import { made } from './testing.js';

const { meta, columns: c } = made([
  ['System.String', 'corlib', 'runtime', [10, 20, 30], [100, 300, 700]],
  ['A.Gone', 'a', 'library', [4, 2, 0], [800, 400, 0]],
  ['A.New<T>', 'a', 'yours', [0, 1, 2], [0, 24, 48]],
  ['A.Same', 'a', 'library', [1, 1, 1], [24, 24, 24]],
]);
const s = selection(c, 'all');
const everything = { runtime: true, library: true, yours: true };
const names = (rows) => rows.map((i) => textOf(c, i, 'csharp'));
const shown = (filter) => names(filtered(c, s, { search: '', show: 'all', owners: everything, ...filter }, () => searchTexts(c)));

test('types and Free add up to the total, in every dump', () => {
  const types = sumOf(s, [0, 1, 2, 3]);
  meta.total.counts.forEach((n, d) => assert.equal(types.counts[d] + meta.free.counts[d], n));
  meta.total.sizes.forEach((n, d) => assert.equal(types.sizes[d] + meta.free.sizes[d], n));
  assert.equal(growth(s), 648);
  assert.equal(keyOf(c, 0), 'System.String\tcorlib');
});

test('generations: the sums of those chosen', () => {
  assert.deepEqual(lineOf(selection(c, 'old'), 0), { counts: [10, 20, 30], sizes: [100, 300, 700] });
  assert.deepEqual(lineOf(selection(c, 'gen0'), 0), { counts: [0, 0, 0], sizes: [0, 0, 0] });
  assert.deepEqual(freeOf(meta, 'gen2'), meta.free);
  assert.deepEqual(freeOf(meta, 'young').counts, [0, 0, 0]);
  assert.deepEqual(filtered(c, selection(c, 'loh'), { search: '', show: 'all', owners: everything }, () => []), []);
});

test('grown, shrunk, new, gone, grown in every step', () => {
  assert.deepEqual(shown({ show: 'grown' }), ['System.String', 'A.New<T>']);
  assert.deepEqual(shown({ show: 'shrunk' }), ['A.Gone']);
  assert.deepEqual(shown({ show: 'new' }), ['A.New<T>']);
  assert.deepEqual(shown({ show: 'gone' }), ['A.Gone']);
  assert.deepEqual(shown({ show: 'steady' }), ['System.String', 'A.New<T>']);
  assert.equal(SHOWN.steady([], [1, 5, 5]), false);
  assert.equal(shown({}).length, 4);
});

test('the three toggles go by class, never by name', () => {
  assert.deepEqual(shown({ owners: { runtime: false, library: false, yours: true } }), ['A.New<T>']);
  assert.deepEqual(shown({ owners: { runtime: true, library: false, yours: false } }), ['System.String']);
});

test('search: text or regular expression, either spelling, the module too', () => {
  const found = (search) => shown({ search });
  assert.deepEqual(found('STRING'), ['System.String']);
  assert.deepEqual(found('new<t>'), ['A.New<T>']);
  assert.deepEqual(found('new`1'), ['A.New<T>']);
  assert.deepEqual(found('corlib'), ['System.String']);
  assert.deepEqual(found('/^A\\.(New|Same)/'), ['A.New<T>', 'A.Same']);
  assert.deepEqual(found('/gone$'), ['A.Gone']);
  assert.equal(found('  ').length, 4);
  assert.equal(found('a.').length, 3);
  assert.equal(matcher('/(/').error !== null, true);
  assert.equal(found('/(/').length, 4);
});

test('changes sort by amount, whatever their sign; ties as the core ordered them', () => {
  const order = (by, dir) => names(sorted([3, 2, 1, 0], c, s, { by, dir }, () => nameRanks(c, 'type')));
  assert.deepEqual(order('size', -1), ['A.Gone', 'System.String', 'A.New<T>', 'A.Same']);
  assert.deepEqual(order('size', 1), ['A.Same', 'A.New<T>', 'System.String', 'A.Gone']);
  assert.deepEqual(order('type', 1), ['A.Gone', 'A.New<T>', 'A.Same', 'System.String']);
  assert.deepEqual(order('count:0', -1), ['System.String', 'A.Gone', 'A.Same', 'A.New<T>']);
  assert.deepEqual(order('size:1', -1), ['A.Gone', 'System.String', 'A.New<T>', 'A.Same']);
  assert.deepEqual(order('step:1', -1), ['System.String', 'A.Gone', 'A.New<T>', 'A.Same']);
  assert.deepEqual(order('percent', -1)[0], 'A.New<T>');
});

test('the average is of the last dump', () => {
  assert.equal(average(lineOf(s, 0)), 23);
  assert.equal(average(lineOf(s, 1)), null);
  assert.equal(change([5]), 5);
});
