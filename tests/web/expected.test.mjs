// The bench's comparison with the generator's answer: that it sees what is wrong.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compared, expectedRows } from '../../www/expected.mjs';

const CSV = `method_table_hex,count,total_size,type_name
0000000000000010,1,24,App.Small
0000000000000020,2,48,"App.Pair\`2[[A, m],[B, m]]"
0000000000000030,3,96,App.Twice
0000000000000040,4,128,App.Twice
0000000000000050,1,24,<Unloaded Type>
0000000000000060,9,900,Free
`;

const listing = (/** @type {string[]} */ ...rows) => ['Statistics:', '              MT    Count    TotalSize Class Name', ...rows, 'Total 20 objects', ''].join('\n');
const ROWS = [
  '0000000000000010        1           24 App.Small', '0000000000000020        2           48 App.Pair`2[[A, m],[B, m]]', '0000000000000030        3           96 App.Twice',
  '0000000000000040        4          128 App.Twice', '0000000000000050        1           24 Emitted', '0000000000000060        9          900      Free',
];
const shownRow = (/** @type {string} */ type, /** @type {number} */ count, /** @type {number} */ size) => ({ type, countA: '', countB: String(count), sizeA: '', sizeB: String(size) });
const SHOWN = [shownRow('App.Small', 1, 24), shownRow('App.Pair`2[[A, m],[B, m]]', 2, 48), shownRow('App.Twice', 7, 224), shownRow('Emitted', 1, 24), shownRow('Free', 9, 900)];

const want = () => expectedRows((async function* lines() { yield* CSV.split('\n'); })());

test('all rows right', async () => {
  assert.deepEqual(compared(await want(), listing(...ROWS), SHOWN, ''), ['6 of 6 method tables equal', '5 of 5 types equal in the 5 rows of the table']);
  // Two assemblies with a type of one name.
  const two = SHOWN.flatMap((r) => (r.type === 'App.Twice' ? [shownRow(r.type, 3, 96), shownRow(r.type, 4, 128)] : r));
  assert.deepEqual(compared(await want(), listing(...ROWS), two, '')[1], '5 of 5 types equal in the 6 rows of the table');
});

test('a wrong number, name or row is seen, in the listing and in the table', async () => {
  const wrong = async (/** @type {string[]} */ rows, shown = SHOWN) => compared(await want(), listing(...rows), shown, '').filter((line) => /wrong/i.test(line));
  assert.match((await wrong(ROWS.with(0, ROWS[0].replace('24', '32')))).join(), /method table 0000000000000010: 1 objects of 32 bytes of App.Small, expected 1 objects of 24 bytes/);
  assert.match((await wrong(ROWS.with(0, ROWS[0].replace('Small', 'Other')))).join(), /App.Other, expected .* of App.Small/);
  assert.match((await wrong(ROWS.toSpliced(2, 1))).join(), /1 method tables have no row of their own: 0 objects of 0 bytes, expected 3 objects of 96 bytes/);
  assert.match((await wrong([...ROWS, ROWS[1]])).join(), /expected none, or not twice/);
  assert.match((await wrong(ROWS, SHOWN.toSpliced(1, 1))).join(), /the table lacks 2 objects of 48 bytes of App.Pair/);
  assert.match((await wrong(ROWS, SHOWN.with(2, shownRow('App.Twice', 6, 224)))).join(), /the table lacks 1 objects of 0 bytes of App.Twice/);
  assert.match((await wrong(ROWS, [...SHOWN, shownRow('App.None', 1, 24)])).join(), /App.None, which no method table has/);
});

test('beyond the rows that are kept the sum must be right, and the page must say so', async () => {
  const others = '0000000000000000        2           48 <other method tables>';
  const rows = [others, ...ROWS.slice(1, 4), ROWS[5]];
  const shown = [...SHOWN.slice(1, 3), SHOWN[4], shownRow('<other method tables>', 2, 48)];
  const words = 'the heap has more than 4 method tables: the smallest 2, with 2 objects and 48 bytes, are counted in one row';
  assert.deepEqual(compared(await want(), listing(...rows), shown, words), [
    '4 of 6 method tables equal', 'the other 2 in one row: 2 objects of 48 bytes', '4 of 4 types equal in the 4 rows of the table',
  ]);
  assert.match(compared(await want(), listing(...rows), shown, '').join(), /the page does not say that the smallest 2 are in one row/);
  const fewer = compared(await want(), listing(others.replace('48', '40'), ...rows.slice(1)), shown, words).join();
  assert.match(fewer, /2 method tables have no row of their own: 2 objects of 40 bytes, expected 2 objects of 48 bytes/);
});
