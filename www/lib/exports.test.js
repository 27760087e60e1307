import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvCell, toCsv, toMarkdown } from './exports.js';

const row = (type, a, b) => ({ type, csharp: type, module: 'm', countA: a, countB: b, sizeA: a * 24, sizeB: b * 24, count: b - a, size: (b - a) * 24 });
const table = { diff: true, rows: [row('A', 1, 2)], types: row('', 1, 2), free: { ...row('Free', 0, 1), module: '' }, total: row('', 1, 2) };

test('a cell that a spreadsheet would run is made harmless', () => {
  assert.equal(csvCell('=cmd()'), "'=cmd()");
  assert.equal(csvCell('+1'), "'+1");
  assert.equal(csvCell('-1'), "'-1");
  assert.equal(csvCell('@x'), "'@x");
  assert.equal(csvCell('\tx'), "'\tx");
  assert.equal(csvCell('a,"b"'), '"a,""b"""');
  assert.equal(csvCell(-5), '-5');
  assert.equal(csvCell(null), '');
});

test('CSV is what the command line prints', () => {
  const head = 'type_name,module,count_1,size_1,count_2,size_2,delta_count,delta_size';
  assert.equal(toCsv(table, table.rows, 'type'), `${head}\nA,m,1,24,2,48,1,24\nFree,,0,0,1,24,1,24\n`);
});

test('Markdown cannot be broken out of', () => {
  const text = toMarkdown(table, [row('a`|b\n', 1, 2)], 'type');
  assert.equal(text.split('\n')[2], '| `aˋ\\|b ` | 24 | 48 | 24 | 1 | 2 | 1 |');
});
