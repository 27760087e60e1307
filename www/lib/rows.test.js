import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SHOWN, average, matcher, sorted, tableOf } from './rows.js';

/** Columns as the core makes them: of dump d and row i at d * n + i. */
const comparison = (rows, dumps, free, total) => {
  const strings = [...new Set(rows.flatMap(([type, module]) => [type, type.replace('`1', '<T>'), module]))];
  const places = (of) => Uint32Array.from(rows, (r) => strings.indexOf(of(r)));
  const numbers = (at) => Float64Array.from(Array.from({ length: dumps }, (_, d) => rows.map((r) => r[at][d])).flat());
  const columns = { n: rows.length, dumps, strings, type: places((r) => r[0]), csharp: places((r) => r[0].replace('`1', '<T>')), module: places((r) => r[1]), counts: numbers(2), sizes: numbers(3) };
  return { meta: { free, total }, columns, suspects: null };
};
const diff = comparison([
  ['System.String', 'corlib', [10, 20, 30], [100, 300, 700]],
  ['A.Gone', 'a', [4, 2, 0], [800, 400, 0]],
  ['A.New`1', 'a', [0, 1, 2], [0, 24, 48]],
  ['A.Same', 'a', [1, 1, 1], [24, 24, 24]],
], 3, { counts: [2, 3, 5], sizes: [50, 60, 80] }, { counts: [17, 27, 38], sizes: [974, 808, 852] });

test('a comparison takes the first dump and the last, and the foot adds up', () => {
  const t = tableOf(diff);
  assert.deepEqual(
    t.rows.map((r) => [r.type, r.countA, r.countB, r.sizeA, r.sizeB, r.count, r.size]),
    [['System.String', 10, 30, 100, 700, 20, 600], ['A.Gone', 4, 0, 800, 0, -4, -800], ['A.New`1', 0, 2, 0, 48, 2, 48], ['A.Same', 1, 1, 24, 24, 0, 0]],
  );
  for (const key of ['countA', 'countB', 'sizeA', 'sizeB', 'count', 'size']) {
    assert.equal(t.types[key] + t.free[key], t.total[key], key);
    assert.equal(t.rows.reduce((n, r) => n + r[key], 0), t.types[key], key);
  }
});

test('one dump has no second column', () => {
  const t = tableOf(comparison([['A', 'm', [3], [72]]], 1, { counts: [1], sizes: [24] }, { counts: [4], sizes: [96] }));
  assert.deepEqual(t.rows, [{ index: 0, type: 'A', csharp: 'A', module: 'm', countA: 3, countB: null, sizeA: 72, sizeB: null, count: 3, size: 72 }]);
  assert.equal(t.types.size + t.free.size, t.total.size);
  assert.equal(t.total.countB, null);
});

test('grown, shrunk, new, gone', () => {
  const { rows } = tableOf(diff);
  const names = (key) => rows.filter(SHOWN[key]).map((r) => r.type);
  assert.deepEqual(names('grown'), ['System.String', 'A.New`1']);
  assert.deepEqual(names('shrunk'), ['A.Gone']);
  assert.deepEqual(names('new'), ['A.New`1']);
  assert.deepEqual(names('gone'), ['A.Gone']);
  assert.equal(names('all').length, 4);
});

test('search: text or regular expression, either spelling, the module too', () => {
  const { rows } = tableOf(diff);
  const found = (typed) => rows.filter(matcher(typed).test).map((r) => r.type);
  assert.deepEqual(found('STRING'), ['System.String']);
  assert.deepEqual(found('new<t>'), ['A.New`1']);
  assert.deepEqual(found('corlib'), ['System.String']);
  assert.deepEqual(found('/^A\\.(New|Same)/'), ['A.New`1', 'A.Same']);
  assert.deepEqual(found('/gone$'), ['A.Gone']);
  assert.equal(found('  ').length, 4);
  assert.equal(found('a.').length, 3);
  assert.equal(matcher('/(/').error !== null, true);
  assert.equal(rows.filter(matcher('/(/').test).length, 4);
});

test('changes sort by amount, whatever their sign; ties by name', () => {
  const { rows } = tableOf(diff);
  const order = (by, dir) => sorted(rows, { by, dir }, 'type', true).map((r) => r.type);
  assert.deepEqual(order('size', -1), ['A.Gone', 'System.String', 'A.New`1', 'A.Same']);
  assert.deepEqual(order('size', 1), ['A.Same', 'A.New`1', 'System.String', 'A.Gone']);
  assert.deepEqual(order('type', 1), ['A.Gone', 'A.New`1', 'A.Same', 'System.String']);
  assert.deepEqual(order('countA', -1), ['System.String', 'A.Gone', 'A.Same', 'A.New`1']);
  assert.deepEqual(order('percent', -1)[0], 'A.New`1');
});

test('the average is of the last dump', () => {
  const { rows } = tableOf(diff);
  assert.equal(average(rows[0]), 23);
  assert.equal(average(rows[1]), null);
});
