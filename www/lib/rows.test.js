import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SHOWN, average, matcher, sorted, tableOfDiff, tableOfOne } from './rows.js';

const row = (type, module, counts, sizes) => ({
  type_name: type, type_name_csharp: type.replace('`1', '<T>'), module, counts, sizes,
  delta_count: counts.at(-1) - counts[0], delta_size: sizes.at(-1) - sizes[0],
});
const diff = {
  dumps: [{}, {}, {}],
  rows: [
    row('System.String', 'corlib', [10, 20, 30], [100, 300, 700]),
    row('A.Gone', 'a', [4, 2, 0], [800, 400, 0]),
    row('A.New`1', 'a', [0, 1, 2], [0, 24, 48]),
    row('A.Same', 'a', [1, 1, 1], [24, 24, 24]),
  ],
  free: { counts: [2, 3, 5], sizes: [50, 60, 80], delta_count: 3, delta_size: 30 },
  total: { counts: [17, 27, 38], sizes: [974, 808, 852], delta_count: 21, delta_size: -122 },
};

test('a comparison takes the first dump and the last, and the foot adds up', () => {
  const t = tableOfDiff(diff);
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
  const t = tableOfOne({
    types: [{ type_name: 'A', type_name_csharp: 'A', module: 'm', count: 3, total_size: 72 }],
    heap: { free: { count: 1, size: 24 }, objects: 4, size: 96 },
  });
  assert.deepEqual(t.rows, [{ type: 'A', csharp: 'A', module: 'm', countA: 3, countB: null, sizeA: 72, sizeB: null, count: 3, size: 72 }]);
  assert.equal(t.types.size + t.free.size, t.total.size);
  assert.equal(t.total.countB, null);
});

test('grown, shrunk, new, gone', () => {
  const { rows } = tableOfDiff(diff);
  const names = (key) => rows.filter(SHOWN[key]).map((r) => r.type);
  assert.deepEqual(names('grown'), ['System.String', 'A.New`1']);
  assert.deepEqual(names('shrunk'), ['A.Gone']);
  assert.deepEqual(names('new'), ['A.New`1']);
  assert.deepEqual(names('gone'), ['A.Gone']);
  assert.equal(names('all').length, 4);
});

test('search: text or regular expression, either spelling, the module too', () => {
  const { rows } = tableOfDiff(diff);
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
  const { rows } = tableOfDiff(diff);
  const order = (by, dir) => sorted(rows, { by, dir }, 'type', true).map((r) => r.type);
  assert.deepEqual(order('size', -1), ['A.Gone', 'System.String', 'A.New`1', 'A.Same']);
  assert.deepEqual(order('size', 1), ['A.Same', 'A.New`1', 'System.String', 'A.Gone']);
  assert.deepEqual(order('type', 1), ['A.Gone', 'A.New`1', 'A.Same', 'System.String']);
  assert.deepEqual(order('countA', -1), ['System.String', 'A.Gone', 'A.Same', 'A.New`1']);
  assert.deepEqual(order('percent', -1)[0], 'A.New`1');
});

test('the average is of the last dump', () => {
  const { rows } = tableOfDiff(diff);
  assert.equal(average(rows[0]), 23);
  assert.equal(average(rows[1]), null);
});
